import postgres from 'postgres'
import t from 'tap'
import { startInstances } from '../../faults/instances.js'
import { makeClient } from '../../support/clients.js'
import { controlPostgres } from '../../support/controlled-postgres.js'
import { eventually, until } from '../../support/eventually.js'
import { post, signIn, signUp } from '../../support/people.js'
import { listen } from '../../support/raw-request.js'
import { knownVerdict, startVerifier, verdict } from '../verifiers.js'

t.test(
  'Postgres fails over to a copy without the last revocations: the verifier forgets none, and follows',
  async t => {
    const primary = await controlPostgres(t)
    const instances = await startInstances(t, { postgresUrl: primary.url })
    const { a } = instances
    const client = await makeClient(a.app, 'revocations')
    const verifier = startVerifier(t, {
      issuer: a.app.context.config.issuer,
      baseUrl: `http://127.0.0.1:${await listen(a.app)}`,
      client: { id: client.id, secret: client.secret },
    })
    await verifier.ready()
    const ada = await signUp(a.app)
    const [leaves, leavesLater] = [await signIn(a.app, ada.email), await signIn(a.app, ada.email)]
    for (const { accessToken } of [ada, leaves, leavesLater])
      t.equal(await verdict(verifier.verify(accessToken)), 'valid')
    await primary.stop()
    const standby = await primary.copy()
    await primary.start()
    instances.postgres.retarget(primary.url)

    const logOut = (refreshToken: string) => post(a.app, '/auth/logout', { refresh_token: refreshToken })
    await eventually(async () => {
      if ((await logOut(leaves.refreshToken)).statusCode !== 204) throw new Error('not yet')
    })
    await until(() => knownVerdict(verifier, leaves.accessToken) === 'token_revoked')
    const before = verifier.status().position!.split('/')[0]
    await primary.kill()
    await standby.start()
    instances.postgres.retarget(standby.url)
    const admin = postgres(standby.url, { max: 1, onnotice: () => {} })
    t.teardown(() => admin.end())
    await eventually(async () => {
      if ((await logOut(leavesLater.refreshToken)).statusCode !== 204) throw new Error('not yet')
    }, 20_000)
    await until(() => knownVerdict(verifier, leavesLater.accessToken) === 'token_revoked')
    await until(() => verifier.status().position!.split('/')[0] !== before, 'the position names the new server')
    t.equal(knownVerdict(verifier, leaves.accessToken), 'token_revoked', 'what the copy lacks is still refused')
    t.equal(knownVerdict(verifier, ada.accessToken), 'valid')
  },
)
