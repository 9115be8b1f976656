import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Load } from '../failovers/load.js'
import { TEST_SECRETS } from '../support/build-test-app.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { startRedis } from '../support/servers/own-redis.js'
import { emptyDatabase } from '../support/test-database.js'
import { checkFeed, checkKeys, checkRevokedKey, follow, makeFeedClient } from './feed-side-by-side.js'
import { buildRelease, findLastRelease } from './last-release.js'
import { Phases } from './phases.js'
import { checkSecretlessClient } from './secretless-client.js'
import { checkClients, checkRevocations, checkSessions, newEmail, untilRefused } from './side-by-side.js'
import { type Instance, openProgram, refresh, register, type Session, verify } from './version.js'

// `npm run test:upgrade`: the last release and this version on one Postgres and one Redis, under a load: an upgrade, a
// rollback, and the upgrade again. `FROM=v0.1.0 npm run test:upgrade` begins with another version.

const ISSUER = 'http://localhost:3000'
/** How long a phase has nothing but the load. */
const CALM_MS = 2500
/** As a gateway does: an instance that stops gets no new requests before. */
const DRAIN_MS = 500

t.test(
  'an upgrade and a rollback fail no request, and nothing revoked is accepted',
  { timeout: 1_700_000 },
  async t => {
    const release = buildRelease(findLastRelease(), await makeFolder(t))
    const [database, redis] = [await emptyDatabase(t), await startRedis(t)]
    const env = {
      ...TEST_SECRETS,
      LOG_LEVEL: 'warn',
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      PUBLIC_ORIGIN: ISSUER,
      RATE_LIMIT: 'off',
      SIGN_IN_FAILURE_DELAY: '0s',
      MAX_SESSIONS_PER_USER: '0',
      REFRESH_MIN_AGE: '2s',
      REFRESH_LEEWAY: '1s',
    }
    const programs = { old: openProgram(t, 'old', env, release), new: openProgram(t, 'new', env) }
    const migrations = async () => (await database.admin`select 1 from drizzle.__drizzle_migrations`).length
    const phases = new Phases(t, release.name)

    let old = await programs.old.start()
    const before = await migrations()
    const load = new Load([old.url])
    t.teardown(async () => {
      await load.stop()
      load.close()
    })
    await load.prepare()
    load.start()
    await phases.run('old alone', load, () => sleep(CALM_MS))

    let fresh = await phases.run('new starts and migrates', load, () => programs.new.start())
    t.comment(`${before} migrations before, ${await migrations()} after`)

    const ended: Session[] = []
    const ofKeysBefore: Session[] = []
    await phases.run('both', load, async () => {
      load.use([old.url, fresh.url])
      await checkBoth(t, old, fresh, ended, ofKeysBefore)
      await sleep(CALM_MS)
    })
    const kept = [await register(old, newEmail()), await register(fresh, newEmail())]

    await phases.run('old stops', load, async () => {
      load.use([fresh.url])
      await sleep(DRAIN_MS)
      t.equal(await old.service.stop(), 0, 'the old one ends without an error')
      await sleep(CALM_MS)
    })
    await checkAfterwards(t, fresh, kept, ended)

    // Nothing runs beside the old one when it starts.
    await load.stop()
    t.equal(await fresh.service.stop(), 0)
    old = await programs.old.start()
    load.use([old.url])
    load.start()
    await phases.run('rollback: old alone on the new tables', load, () => sleep(CALM_MS))
    await checkAfterwards(t, old, kept, ended)

    fresh = await phases.run('new starts again', load, () => programs.new.start())
    await phases.run('both again', load, async () => {
      load.use([old.url, fresh.url])
      await sleep(CALM_MS)
    })
    await load.stop()
    const { lost, restored } = await load.check([old.url, fresh.url])
    t.strictSame(lost, [], `none of ${load.counts.sessions} sessions is lost`)
    t.strictSame(restored, [], `nothing of ${load.counts.signedOut} sign-outs is accepted again`)
    t.strictSame([...new Set(load.violations)], [], 'no request is left without an answer')
    for (const instance of [old, fresh]) await checkHealth(t, instance)
    await checkRevokedKey(t, old, fresh, ofKeysBefore[0]!)
    await checkRevokedKey(t, fresh, old, ofKeysBefore[1]!)
    await checkSignOutOfEveryone(t, old, fresh)
    phases.print()
  },
)

async function checkBoth(
  t: Test,
  old: Instance,
  fresh: Instance,
  ended: Session[],
  ofKeysBefore: Session[],
): Promise<void> {
  const client = await makeFeedClient(old.program)
  const following = [
    await follow(t, old.program, fresh, client, ISSUER),
    await follow(t, fresh.program, old, client, ISSUER),
    await follow(t, old.program, old, client, ISSUER),
  ]
  for (const [a, b] of [
    [old, fresh],
    [fresh, old],
  ] as const) {
    const direction = `what ${a.program.name} does, ${b.program.name} knows`
    await t.test(`${direction}: sessions and rotations`, t => checkSessions(t, a, b))
    await t.test(`${direction}: revocations`, async t => void ended.push(...(await checkRevocations(t, a, b))))
    await t.test(`${direction}: clients`, t => checkClients(t, a, b))
    await t.test(`${direction}: the feed`, t => checkFeed(t, a, b, following))
    await t.test(`${direction}: signing keys`, async t => void ofKeysBefore.push(await checkKeys(t, a, b, following)))
  }
  await t.test('a client without a secret is refused by a version that knows none', t =>
    checkSecretlessClient(t, fresh, old, ISSUER),
  )
  for (const instance of [old, fresh]) await checkHealth(t, instance)
}

/** Everything that was revoked stays so, and everything else goes on, at an instance that has just taken over. */
async function checkAfterwards(t: Test, instance: Instance, kept: Session[], ended: readonly Session[]): Promise<void> {
  const { name } = instance.program
  for (const session of ended) {
    t.not(await verify(instance, session.accessToken), 200, `${name} refuses what was revoked`)
    t.equal((await refresh(instance, session.refreshToken)).status, 401)
  }
  for (const session of kept) {
    const { status, body } = await refresh(instance, session.refreshToken)
    t.equal(status, 200, `${name} refreshes: ${JSON.stringify(body)}`)
    Object.assign(session, { accessToken: body.access_token, refreshToken: body.refresh_token })
    t.equal(await verify(instance, session.accessToken), 200)
  }
}

async function checkHealth(t: Test, { program, url, service }: Instance): Promise<void> {
  const answer = await fetch(`${url}/readyz`)
  t.strictSame(await answer.json(), { status: 'ok', degraded: [] }, `${program.name} is healthy`)
  const lines = service
    .output()
    .split('\n')
    .filter(line => /^\{"level":[56]0/.test(line))
  t.strictSame(lines, [], `${program.name} logs no error`)
}

async function checkSignOutOfEveryone(t: Test, ...instances: Instance[]): Promise<void> {
  for (const { program } of instances) {
    const sessions = await Promise.all(instances.map(instance => register(instance, newEmail())))
    await program.command('sign-out-everyone')
    for (const instance of instances)
      for (const { accessToken, refreshToken } of sessions) {
        await untilRefused(t, instance, accessToken)
        t.equal((await refresh(instance, refreshToken)).status, 401)
      }
  }
}
