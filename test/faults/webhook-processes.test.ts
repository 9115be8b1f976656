import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/config.js'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { openDatabase } from '../../src/postgres/database.js'
import { TEST_SECRETS } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { PASSWORD } from '../support/people.js'
import { seededRandom } from '../support/seeded-random.js'
import { testServers } from '../support/servers/test-servers.js'
import { type ServiceProcess, startService } from '../support/service-process.js'
import { createTestDatabase } from '../support/test-database.js'
import { type Answer, type ReceivedMessage, startWebhookReceiver } from '../support/webhook-receiver.js'
import { ONLY_IN_FULL } from './run-row.js'

/** How many times an instance is killed, and how many users sign in and out meanwhile. */
interface Extent {
  kills: number
  users: number
}

t.test('instances that are killed lose no event, and keep the order of each user', t => run(t, { kills: 2, users: 4 }))

t.test('the same, with thirty kills', ONLY_IN_FULL, t => run(t, { kills: 30, users: 12 }))

async function run(t: Test, { kills, users }: Extent): Promise<void> {
  const random = seededRandom(18)
  const database = await createTestDatabase(t)
  const env = {
    ...TEST_SECRETS,
    NODE_ENV: 'test',
    LOG_LEVEL: 'error',
    DATABASE_URL: database.url,
    MIGRATE_ON_START: 'off',
    REDIS_URL: testServers().redisUrl,
    REDIS_KEY_PREFIX: `t${randomBytes(6).toString('hex')}`,
    RATE_LIMIT: 'off',
    DELIVERY_ALLOWED_NETWORKS: 'loopback',
  }
  const db = openDatabase({ url: database.url, size: 1, prepare: true, caFile: undefined, timeoutMs: 10_000 })
  t.teardown(() => db.close())
  const context = { db, secrets: deriveSecrets(readConfig(env)) }

  const good = await startWebhookReceiver(t)
  const bad = await startWebhookReceiver(t)
  good.secret = (await createWebhook(context, { url: good.url }, 'cli')).secret
  bad.secret = (await createWebhook(context, { url: bad.url, types: ['signed_in', 'signed_out'] }, 'cli')).secret
  bad.answer = faultyAnswer(random)

  const instances = await Promise.all([startService(t, { env }), startService(t, { env })])
  let isOver = false
  const traffic = Promise.all(
    Array.from({ length: users }, async (_, number) => {
      const email = `user${number}@example.com`
      await insist(instances, random, '/auth/register', { email, password: PASSWORD, transport: 'body' })
      while (!isOver) {
        const signedIn = await insist(instances, random, '/auth/login', {
          email,
          password: PASSWORD,
          transport: 'body',
        })
        await insist(instances, random, '/auth/logout', { refresh_token: signedIn.refresh_token })
      }
    }),
  )
  for (let kill = 0; kill < kills; kill++) {
    await sleep(500 + random() * 500)
    const victim = kill % 2
    await instances[victim]!.kill()
    instances[victim] = await startService(t, { env })
  }
  isOver = true
  await traffic

  // The lease of a killed instance ends, and the time of what failed comes: an hour passes in each step.
  bad.answer = response => response.writeHead(204).end()
  for (let hour = 1; hour <= 3; hour++) {
    await database.shiftClock(hour * 3600)
    await sleep(1500)
  }
  await until(async () => (await database.admin`select 1 from deliveries`).length === 0, 'everything is delivered')

  const written = await database.admin<Written[]>`
    select id, at, user_id, type from security_events where type <> 'webhook_created' order by at, id`
  const signs = written.filter(({ type }) => type === 'signed_in' || type === 'signed_out')
  t.ok(signs.length > users, `${signs.length} sign-ins and sign-outs`)
  checkReceived(t, good.accepted, written)
  checkReceived(t, bad.accepted, signs)
  t.same([good.refused, bad.refused], [[], []], 'nothing reached the other receiver')
  t.comment(
    `${kills} kills, ${written.length} events; sent ${good.arrived.length} and ${bad.arrived.length} times, ` +
      `accepted ${good.accepted.length} and ${bad.accepted.length} times`,
  )
}

interface Written {
  id: string
  at: Date
  user_id: string | null
  type: string
}

/** A request whose answer was lost can still run while it is sent again. */
const AT_THE_SAME_TIME_MS = 200

/** Every event arrived; and the first arrivals of one user are in the order in which they were written. */
function checkReceived(t: Test, received: readonly ReceivedMessage[], written: readonly Written[]): void {
  const arrived = [...new Set(received.map(({ id }) => id))]
  const byId = new Map(written.map(event => [event.id, event]))
  t.same(
    written.filter(({ id }) => !arrived.includes(id)),
    [],
    'nothing is lost',
  )
  const latest = new Map<string | null, number>()
  const tooLate: Written[] = []
  for (const event of arrived.flatMap(id => byId.get(id) ?? [])) {
    const before = latest.get(event.user_id) ?? 0
    if (event.at.getTime() < before - AT_THE_SAME_TIME_MS) tooLate.push(event)
    latest.set(event.user_id, Math.max(before, event.at.getTime()))
  }
  t.same(tooLate, [], 'each user has their order')
}

/** Sends a request until an instance answers it with success: one that was killed answers nothing. */
async function insist(
  instances: readonly ServiceProcess[],
  random: () => number,
  path: string,
  body: object,
): Promise<{ refresh_token: string }> {
  for (;;) {
    const { url } = instances[random() < 0.5 ? 0 : 1]!
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch(() => undefined)
    const text = await response?.text().catch(() => '')
    if (response?.ok) return text ? JSON.parse(text) : { refresh_token: '' }
    // The account exists, or the session has ended: the answer was lost.
    if (response && [401, 409].includes(response.status)) return { refresh_token: '' }
    await sleep(50)
  }
}

/** Some are accepted, some late; others get an error, a redirect, no HTTP at all, or a connection that ends. */
function faultyAnswer(random: () => number): Answer {
  return async response => {
    const fault = random()
    if (fault < 0.05) response.writeHead(500).end()
    else if (fault < 0.08) response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
    else if (fault < 0.11) response.socket?.end('garbage\r\n\r\n')
    else if (fault < 0.14) response.socket?.destroy()
    else if (fault < 0.18) {
      await sleep(300)
      response.writeHead(200).end('<html>fine</html>')
    } else response.writeHead(204).end()
  }
}
