import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

t.test('every statement that writes events also queues their deliveries', async t => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
  const texts = files.map(file => readFileSync(join('src', file), 'utf8'))
  const count = (pattern: RegExp) => texts.flatMap(text => text.match(pattern) ?? []).length
  const writing = count(/insert into security_events|\.insert\(securityEvents\)/g)
  t.ok(writing >= 2)
  t.equal(count(/queued as \(\$\{queueDeliveries\(/g), writing)
})
