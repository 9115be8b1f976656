import t from 'tap'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { buildTestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { PASSWORD, post, signUp, verify } from '../support/people.js'

t.test(
  'after a failover that lost a key revocation and the new key, the key is revoked again and another key signs',
  async t => {
    const { database, another } = await buildTestApp(t)
    const { admin } = database
    // The test controls the server's start time. Earlier connections see the real one.
    await admin`create table clock.server as select pg_catalog.now() as start`
    await admin.unsafe(`create function clock.pg_postmaster_start_time() returns timestamptz language sql stable
    as 'select start from clock.server'`)
    const { app } = await another()
    const ada = await signUp(app)
    const { kid } = JSON.parse(Buffer.from(ada.accessToken.split('.')[0]!, 'base64url').toString())
    const successor = await revokeSigningKey(app.context, kid, 'cli')
    t.ok(successor)
    await app.context.revocations.readJournal()

    await admin.begin(async sql => {
      await sql`delete from revocations where kind = 'key'`
      await sql`delete from signing_keys where kid = ${successor!}`
      await sql`update signing_keys set revoked_at = null where kid = ${kid}`
      await sql`update clock.server set start = start + interval '1 minute'`
    })
    await app.context.revocations.readJournal()
    const unrevoked = () => admin`select from signing_keys where kid = ${kid} and revoked_at is null`
    await until(async () => (await unrevoked()).length === 0)
    await until(
      async () => (await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode === 200,
    )
    t.equal(await verify(app, ada.accessToken), 'token_stale')
  },
)
