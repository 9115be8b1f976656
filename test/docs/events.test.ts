import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { SECURITY_EVENT_TYPES } from '../../src/postgres/security-event-types.js'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

t.test('docs/events.md describes every security event type, and no other', async t => {
  const types = [...SECURITY_EVENT_TYPES] as string[]
  const [, table] = /\n## The types\n(.*?)\n\n\*\*/s.exec(read('docs/events.md'))!
  const rows = [...table!.matchAll(/^\| `(\w+)` \| [A-Z].*\. \|$/gm)].map(match => match[1]!)
  t.ok(types.length > 10)
  t.strictSame(rows.sort(), types.sort())
})
