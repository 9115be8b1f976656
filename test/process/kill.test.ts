import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { commitAndAnnounce } from '../../src/domain/commit-and-announce.js'
import { openSession } from '../../src/domain/sessions/open-session.js'
import { writeRefreshToken } from '../../src/domain/tokens/refresh-token.js'
import { buildTestApp, TEST_SECRETS, type TestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { HttpClient } from '../support/http-client.js'
import { signUp } from '../support/people.js'
import { startService } from '../support/service-process.js'

const KILLS = 4
const CLIENTS = 20
const SESSIONS = 600

t.test('kill -9 during refreshes signs no user out', async t => {
  // All sessions are opened at once, even on a slow machine.
  const settings = { MAX_SESSIONS_PER_USER: '0', DATABASE_TIMEOUT: '60s' }
  const { database, config, app, clock } = await buildTestApp(t, settings)
  const env = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'warn',
    PORT: String(await findFreePort()),
    DATABASE_URL: config.database.url,
    REDIS_URL: config.redis.url,
    REDIS_KEY_PREFIX: config.redis.keyPrefix,
    RATE_LIMIT: 'off',
    ...TEST_SECRETS,
  }
  /** The refresh token that each session's client last received. */
  const tokens = await openSessions(app, SESSIONS)
  let service = await startService(t, { env })
  const clients = Array.from({ length: CLIENTS }, () => new HttpClient(service.url))
  t.teardown(() => {
    for (const client of clients) client.close()
  })
  const refusals: string[] = []
  let interrupted = 0
  let answered = 0

  /** Refreshes one session, and retries with the same token until there is an answer. */
  const refresh = async (client: HttpClient, session: number) => {
    for (;;) {
      const answer = await client.post('/auth/refresh', { refresh_token: tokens[session] }).catch(() => undefined)
      if (answer === undefined) {
        interrupted++
        await sleep(50)
        continue
      }
      answered++
      if (answer.status === 200) tokens[session] = answer.body.refresh_token
      else refusals.push(`${answer.status} ${answer.body.code}`)
      return
    }
  }
  const refreshAll = () =>
    Promise.all(
      clients.map(async (client, first) => {
        for (let session = first; session < SESSIONS; session += CLIENTS) await refresh(client, session)
      }),
    )

  for (let round = 1; round <= KILLS; round++) {
    answered = 0
    const everybody = refreshAll()
    // At a different point in each round.
    while (answered < (SESSIONS * round) / (KILLS + 2)) await sleep(1)
    t.equal(await service.kill(), 'SIGKILL')
    service = await startService(t, { env })
    await everybody
    await clock.advance(config.refresh.minAgeSeconds + 1)
  }
  await refreshAll()

  t.same(refusals, [])
  t.ok(interrupted >= KILLS, `${interrupted} attempts went unanswered`)
  const generations = await database.admin`select generation, count(*)::int from public.refresh_tokens group by 1`
  t.same(
    [...generations],
    [{ generation: KILLS + 1, count: SESSIONS }],
    'every session was refreshed once in each round',
  )
})

/** Opens sessions without hashing a password for each; returns their refresh tokens. */
async function openSessions(app: TestApp['app'], count: number): Promise<string[]> {
  const { db } = app.context
  const { email, userId, refreshToken } = await signUp(app)
  const user = (await db.users.findByEmail(email))!
  const signIn = {
    userId,
    fence: { tokenVersion: user.tokenVersion, passwordHash: user.passwordHash },
    transport: 'body',
    caller: {},
  } as const
  const others = Array.from({ length: count - 1 }, async () => {
    const opened = await commitAndAnnounce(app.context, repositories => openSession(app.context, repositories, signIn))
    return writeRefreshToken(opened!.refreshToken)
  })
  return [refreshToken, ...(await Promise.all(others))]
}
