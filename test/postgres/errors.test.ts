import t from 'tap'
import { LatchkeyError } from '../../src/lib/errors.js'
import { explainPostgresError, isNotReadyYet } from '../../src/postgres/errors.js'

const variable = 'DATABASE_URL'
const failure = (code: string, message = 'as the driver says') => Object.assign(new Error(message), { code })

t.test('the error about Postgres shows its address without user, password and parameters', async t => {
  const cases: [url: string, shown: string][] = [
    ['postgres://ann:canary@db:5432/latchkey', 'db:5432/latchkey'],
    [
      'postgresql://ann:can%40ary@db1:5432,db2:5433/latchkey?target_session_attrs=primary',
      'db1:5432,db2:5433/latchkey',
    ],
    ['postgres://db/latchkey?user=ann&password=canary', 'db:5432/latchkey'],
    ['postgres://ann:canary@[::1]', '[::1]:5432'],
    ['postgres:///latchkey?host=/run/postgresql&password=canary', '/run/postgresql/.s.PGSQL.5432/latchkey'],
    ['postgres://ann:p@a/canary@db/latchkey', 'an address that cannot be read'],
  ]
  for (const [url, shown] of cases) {
    const { message } = explainPostgresError(failure('ECONNREFUSED'), { variable, url })
    t.equal(message, `Postgres at ${shown} cannot be reached (ECONNREFUSED): start it, or correct DATABASE_URL.`)
  }
})

t.test('errors of Postgres that waiting can solve are told apart from those for an operator', async t => {
  for (const code of ['ECONNREFUSED', 'EAI_AGAIN', 'CONNECT_TIMEOUT', '57P03', '53300', '08006']) {
    t.ok(isNotReadyYet(failure(code)), code)
    t.ok(isNotReadyYet(new Error('a query failed', { cause: failure(code) })), `${code}, wrapped`)
  }
  for (const code of ['28P01', '28000', '3D000', '42501', 'CERT_HAS_EXPIRED', 'XX000', '']) {
    t.notOk(isNotReadyYet(failure(code)), code)
  }
})

t.test('the message of PgBouncer is shown, with the line that allows a rejected parameter', async t => {
  const full = failure('08P01', 'no more connections allowed (max_client_conn)')
  t.ok(isNotReadyYet(full))
  t.match(explainPostgresError(full, { variable, url: 'postgres://db/latchkey' }).message, /max_client_conn/)

  const refused = failure('08P01', 'unsupported startup parameter: geqo')
  t.notOk(isNotReadyYet(refused), 'waiting does not help')
  const { message } = explainPostgresError(refused, { variable, url: 'postgres://db/latchkey?geqo=off' })
  t.match(message, 'add "ignore_startup_parameters = geqo" to pgbouncer.ini')

  // A pooler that ignores it would lead to the tables of another schema.
  const path = failure('08P01', 'unsupported startup parameter in options: search_path')
  const advice = explainPostgresError(path, { variable, url: 'postgres://db/latchkey?options=-c%20search_path%3Da' })
  t.match(advice.message, /^The pooler at db:5432\/latchkey refuses the parameter search_path, .*alter role/)
  t.notMatch(advice.message, 'ignore_startup_parameters')
})

t.test('a connection that Postgres rejects is told apart from a Postgres that is unavailable', async t => {
  const refused = new LatchkeyError('store_unavailable', { cause: failure('28P01') })
  t.notOk(isNotReadyYet(refused))
  t.ok(isNotReadyYet(new LatchkeyError('store_unavailable', { cause: 'Postgres did not answer in time' })))
})

t.test('the error that an operator must solve says what to change', async t => {
  const cases: [code: string, says: RegExp][] = [
    ['28P01', /refuses the user or the password: correct DATABASE_URL or DATABASE_PASSWORD\.$/],
    ['28000', /as the driver says\. Correct DATABASE_URL, or its pg_hba\.conf\.$/],
    ['3D000', /Create it, or correct DATABASE_URL\.$/],
    ['42501', /grant it CREATE there, or set DATABASE_MIGRATION_URL/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /with TLS: .* DATABASE_CA_FILE/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /with TLS/],
    ['XX000', /, set in DATABASE_URL, cannot be used: as the driver says\.$/],
  ]
  for (const [code, says] of cases) {
    const error = failure(code)
    const explained = explainPostgresError(error, { variable, url: 'postgres://db/latchkey' })
    t.match(explained.message, says, code)
    t.equal(explained.cause, error)
  }
})
