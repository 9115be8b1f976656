import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

t.test('docs/events.md describes every security event type, and no other', async t => {
  const [, union] = /export type SecurityEventType =\n((?: {2}\| '\w+'\n)+)/.exec(
    read('src/postgres/security-events.ts'),
  )!
  const types = [...union!.matchAll(/'(\w+)'/g)].map(match => match[1]!)
  const [, table] = /\n## The types\n(.*?)\n\n\*\*/s.exec(read('docs/events.md'))!
  const rows = [...table!.matchAll(/^\| `(\w+)` \| [A-Z].*\. \|$/gm)].map(match => match[1]!)
  t.ok(types.length > 10)
  t.strictSame(rows.sort(), types.sort())
})
