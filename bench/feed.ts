import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { TEST_SECRETS } from '../test/support/build-test-app.js'
import { compiledPath } from '../test/support/compiled-path.js'
import { PASSWORD } from '../test/support/people.js'
import { runLatchkey } from '../test/support/run-latchkey.js'
import { startRedis } from '../test/support/servers/own-redis.js'
import { startService } from '../test/support/service-process.js'
import { emptyDatabase } from '../test/support/test-database.js'
import type { Order } from './feed/followers.js'
import { percentile, rateOf, send, usage } from './feed/load.js'

// What thousands of followers of the feed cost one instance, on a Postgres and a Redis: memory, processor, the delay of
// sign-outs, and how many requests it answers besides. The followers are raw sockets in another process of this machine,
// which takes its part of the processor too.
//
//     npm run bench:feed                                   2,000 observers
//     FOLLOWERS=5000 VERIFIERS=1 REVOCATIONS=100000 npm run bench:feed

const FOLLOWERS = Number(process.env.FOLLOWERS ?? 2000)
const REVOCATIONS = Number(process.env.REVOCATIONS ?? 1000)
const LOGOUTS = Number(process.env.LOGOUTS ?? 100)
const SECONDS = Number(process.env.SECONDS ?? 5)
const areVerifiers = process.env.VERIFIERS === '1'

t.test(`${FOLLOWERS} followers of one instance`, { timeout: 1_800_000 }, async t => {
  const [database, redis] = [await emptyDatabase(t), await startRedis(t)]
  const env = {
    ...TEST_SECRETS,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    PUBLIC_ORIGIN: 'http://localhost:3000',
    LOG_LEVEL: 'error',
    RATE_LIMIT: 'off',
    MAX_SESSIONS_PER_USER: '0',
    FEED_MAX_FOLLOWERS: String(FOLLOWERS + 10),
  }
  const { url, pid } = await startService(t, { env })
  const scopes = ['--scope', 'revocations,sessions', '--json']
  const { client_id, client_secret } = JSON.parse(
    (await runLatchkey(['clients', 'create', 'c', ...scopes], { env })).stdout,
  )
  const json = { 'content-type': 'application/json' }
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret }).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const clientToken = async () =>
    JSON.parse((await send(`${url}/oauth/token`, 'POST', type, form)).body).access_token as string
  const account = JSON.stringify({ email: 'ada@example.com', password: PASSWORD, transport: 'body' })
  const { user } = JSON.parse((await send(`${url}/auth/register`, 'POST', json, account)).body)
  const bearer = async () => ({ authorization: `Bearer ${await clientToken()}` })
  const openSession = async () => {
    const opened = await send(`${url}/admin/users/${user.id}/sessions`, 'POST', { ...json, ...(await bearer()) }, '{}')
    return JSON.parse(opened.body) as { session_id: string; access_token: string; refresh_token: string }
  }
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '2 hours' from generate_series(1, ${REVOCATIONS})`

  const { access_token } = await openSession()
  const authorization = `Bearer ${access_token}`
  const verifying = () => measure(() => send(`${url}/auth/verify`, 'GET', { authorization }))
  const tokens = await Promise.all(Array.from({ length: 16 }, async () => (await openSession()).refresh_token))
  const refreshing = () =>
    measure(async chain => {
      const refresh_token = tokens[chain]!
      const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token, client_id, client_secret })
      tokens[chain] = JSON.parse((await send(`${url}/oauth/token`, 'POST', type, form.toString())).body).refresh_token
    })
  const measure = async (work: (chain: number) => Promise<unknown>) => {
    const before = usage(pid).cpuMs
    const rate = await rateOf(work, SECONDS, 16)
    return { rate, cpuUs: (1000 * (usage(pid).cpuMs - before)) / (rate * SECONDS) }
  }
  const speeds = async () => [await verifying(), await refreshing()] as const
  const cpuOver = async (work: () => Promise<unknown>) => {
    const [before, begunAt] = [usage(pid).cpuMs, performance.now()]
    await work()
    return (100 * (usage(pid).cpuMs - before)) / (performance.now() - begunAt)
  }

  await speeds()
  const alone = [await speeds(), await speeds()]
  const before = usage(pid)
  const cpuAlone = await cpuOver(() => sleep(5000))

  const child = fork(compiledPath('bench/feed/followers.ts'), { execArgv: [] })
  t.teardown(() => child.kill())
  const tell = async <Reply>(order: Order): Promise<Reply> => {
    child.send(order)
    return (await once(child, 'message'))[0] as Reply
  }
  const port = Number(new URL(url).port)
  const connectMs = await tell<number>({
    do: 'connect',
    port,
    token: await clientToken(),
    count: FOLLOWERS,
    areVerifiers,
  })
  await sleep(3000)
  const connected = usage(pid)
  const cpuIdle = await cpuOver(() => sleep(10_000))
  const followed = [await speeds(), await speeds(), await speeds(), await speeds()]

  const delays: number[] = []
  const worst: number[] = []
  const cpuLoaded = await cpuOver(async () => {
    for (let n = 0; n < LOGOUTS; n++) {
      const { session_id, access_token } = await openSession()
      await tell({ do: 'expect', sessionId: session_id, sentAt: String(process.hrtime.bigint()) })
      const arrived = once(child, 'message')
      await send(`${url}/auth/logout`, 'POST', { authorization: `Bearer ${access_token}` })
      const each = (await arrived)[0] as number[]
      delays.push(...each)
      worst.push(Math.max(...each))
      await sleep(100)
    }
  })
  const after = usage(pid)
  await tell({ do: 'close' })
  await sleep(5000)
  // Before and after, so that what else this machine does counts for both.
  alone.push(await speeds(), await speeds())

  type Speeds = typeof alone
  const mean = (runs: Speeds, at: 0 | 1, of: 'rate' | 'cpuUs') =>
    runs.reduce((sum, speeds) => sum + speeds[at][of], 0) / runs.length
  const compared = (at: 0 | 1) => {
    const [rates, costs] = (['rate', 'cpuUs'] as const).map(of => [mean(alone, at, of), mean(followed, at, of)])
    const ratio = ([without, with_]: number[]) => (with_! / without!).toFixed(2)
    return `${rates!.map(Math.round).join(', ')} (× ${ratio(rates!)}); ${costs!.map(Math.round).join(', ')} µs (× ${ratio(costs!)})`
  }
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const rows: [string, string][] = [
    ['followers, entries of the list', `${FOLLOWERS}${areVerifiers ? ' verifiers' : ' observers'}, ${REVOCATIONS}`],
    ['until all had the list', ms(connectMs)],
    [
      'memory before, with followers, at the end',
      `${[before, connected, after].map(({ rssMb }) => rssMb.toFixed(0)).join(', ')} MB`,
    ],
    ['memory for each follower', `${((1000 * (connected.rssMb - before.rssMb)) / FOLLOWERS).toFixed(1)} KB`],
    [
      'processor without followers, with them, with a sign-out every 100 ms',
      [cpuAlone, cpuIdle, cpuLoaded].map(part => `${part.toFixed(1)} %`).join(', '),
    ],
    [
      `sign-out to follower: median, 99 %, worst of ${delays.length}`,
      [percentile(delays, 0.5), percentile(delays, 0.99), percentile(delays, 1)].map(ms).join(', '),
    ],
    ['the last follower: median, worst', [percentile(worst, 0.5), percentile(worst, 1)].map(ms).join(', ')],
    ['verifications a second without, with; processor for each', compared(0)],
    ['refreshes a second without, with; processor for each', compared(1)],
  ]
  for (const [what, value] of rows) t.comment(`${what}: ${value}`)
  t.equal(delays.length, LOGOUTS * FOLLOWERS, 'every follower got every sign-out')
})
