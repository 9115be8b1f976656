import t from 'tap'
import { TEST_SECRETS } from '../test/support/build-test-app.js'
import { PASSWORD } from '../test/support/people.js'
import { runLatchkey } from '../test/support/run-latchkey.js'
import { startRedis } from '../test/support/servers/own-redis.js'
import { startService } from '../test/support/service-process.js'
import { emptyDatabase } from '../test/support/test-database.js'
import { delaysOf, type FollowingService, medianAndWorst, startThreeServices } from '../test/support/three-services.js'

// How long a revoked token is still accepted by other services: two instances of Latchkey, each its own process, on a
// Postgres and a Redis; and the examples with Fastify, Express and Python, which follow the revocations. The time is that
// between the answer to the sign-out and the first refusal, with Redis and after it was stopped.
//
//     npm run bench:revocations             200 sign-outs each
//     LOGOUTS=1000 npm run bench:revocations

const LOGOUTS = Number(process.env.LOGOUTS ?? 200)

interface Row extends FollowingService {
  store: string
  delays: number[]
}

t.test(`the delay of ${LOGOUTS} sign-outs, with and without Redis`, { timeout: 1_800_000 }, async t => {
  const [database, redis] = [await emptyDatabase(t), await startRedis(t)]
  const env = {
    ...TEST_SECRETS,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    PUBLIC_ORIGIN: 'http://localhost:3000',
    LOG_LEVEL: 'error',
    RATE_LIMIT: 'off',
    SIGN_IN_FAILURE_DELAY: '0s',
  }
  const instances = [(await startService(t, { env })).url, (await startService(t, { env })).url]
  const created = await runLatchkey(['clients', 'create', 'services', '--scope', 'revocations', '--json'], { env })
  const { client_id, client_secret } = JSON.parse(created.stdout)

  const account = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  const staying = await post(`${instances[0]}/auth/register`, account)
  const services = await startThreeServices(t, {
    env: {
      LATCHKEY_ISSUER: env.PUBLIC_ORIGIN,
      LATCHKEY_CLIENT_ID: client_id,
      LATCHKEY_CLIENT_SECRET: client_secret,
    },
    instances,
    accessToken: staying.access_token,
  })

  const rows: Row[] = []
  for (const store of ['with Redis', 'without Redis']) {
    if (store === 'without Redis') await redis.stop()
    const delays: number[][] = []
    for (let count = 0; count < LOGOUTS; count++) {
      const { access_token: token } = await post(`${instances[count % 2]}/auth/login`, account)
      delays.push(await delaysOf(services, token, () => post(`${instances[(count >> 1) % 2]}/auth/logout`, {}, token)))
    }
    rows.push(...services.map((service, index) => ({ ...service, store, delays: delays.map(each => each[index]!) })))
  }
  print(rows)
  t.equal(rows.length, 2 * services.length, 'every service has learnt of every sign-out')
})

async function post(url: string, body: object, token?: string): Promise<{ access_token: string }> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`)
  return answer.status === 204 ? { access_token: '' } : ((await answer.json()) as { access_token: string })
}

/** To standard error, because the results of the checks are on standard output. */
function print(rows: readonly Row[]): void {
  const lines = rows.map(({ store, name, delays }) => {
    const { median, worst } = medianAndWorst(delays)
    return `| ${store} | ${name} | ${delays.length} | ${median.toFixed(1)} | ${worst.toFixed(1)} |`
  })
  console.error(
    ['| | service | sign-outs | median (ms) | worst (ms) |', '| --- | --- | --- | --- | --- |', ...lines].join('\n'),
  )
}
