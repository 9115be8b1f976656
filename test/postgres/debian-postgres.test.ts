import { readdirSync } from 'node:fs'
import t from 'tap'
import { compiledPath } from '../support/compiled-path.js'
import { startPostgres } from '../support/servers/own-postgres.js'
import { query } from '../support/servers/query.js'

// Most tests use the embedded Postgres, which is built without LLVM. Debian's Postgres and most managed ones are older
// versions, and they compile (JIT) each statement that they expect to be expensive. So these suites run on both.
const SUITES = [
  ...readdirSync(new URL('../flows', import.meta.url)).map(name => `test/flows/${name}`),
  'test/domain/concurrent-refresh.test.ts',
  'test/postgres/planned-costs.test.ts',
  'test/routes/sessions.test.ts',
]

const server = await startPostgres(t, { version: 15 })

t.test('Debian’s Postgres is version 15 and JIT-compiles expensive statements', async t => {
  const settings = `select pg_jit_available() as has_llvm, current_setting('jit') as jit,
    current_setting('jit_above_cost') as above, current_setting('server_version_num')::int / 10000 as version`
  t.same(await query(server.url, settings), [{ has_llvm: true, jit: 'on', above: '100000', version: 15 }])

  // In this process, as each process would load the service again; and during this test, because tap ends when no test
  // is left.
  process.env.TEST_DATABASE_URL = server.url
  for (const suite of SUITES) {
    const before = t.parent!.queue.length
    await import(compiledPath(suite))
    t.ok(t.parent!.queue.length > before, `the tests of ${suite} follow`)
  }
})
