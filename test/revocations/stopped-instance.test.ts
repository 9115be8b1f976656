import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { PASSWORD } from '../support/people.js'
import { startService } from '../support/service-process.js'

const REQUESTS = 20

t.test('an instance that was stopped learns what was revoked meanwhile before it accepts a token', async t => {
  const { env } = await externalStores(t)
  const [stopped, other] = await Promise.all([startService(t, { env }), startService(t, { env })])
  const post = (url: string, body: object) =>
    fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const credentials = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  const { access_token, refresh_token } = (await (
    await post(`${other.url}/auth/register`, credentials)
  ).json()) as Record<string, string>
  const verify = async () => {
    const headers = { authorization: `Bearer ${access_token}` }
    return (await fetch(`${stopped.url}/auth/verify`, { headers })).status
  }
  t.equal(await verify(), 200)

  process.kill(stopped.pid, 'SIGSTOP')
  t.equal((await post(`${other.url}/auth/logout`, { refresh_token })).status, 204)
  // Requests wait at its socket, as news of the revocation do.
  const answers = Array.from({ length: REQUESTS }, verify)
  await sleep(2000)
  process.kill(stopped.pid, 'SIGCONT')
  t.strictSame(await Promise.all(answers), Array(REQUESTS).fill(401))
})
