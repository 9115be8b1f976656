import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { makeClient } from '../support/clients.js'
import { type Person, post, signIn, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { delaysOf, medianAndWorst, startThreeServices, verdictOf } from '../support/three-services.js'

const LOGOUTS = 40

t.test(
  'logouts at two instances reach services on Fastify, Express and Python, and nobody else is signed out',
  async t => {
    const first = await buildTestApp(t)
    const second = await first.another()
    const instances = [first, second]
    const addresses = await Promise.all(instances.map(async ({ app }) => `http://127.0.0.1:${await listen(app)}`))
    const { id, secret } = await makeClient(first.app, 'revocations')
    const env = {
      LATCHKEY_ISSUER: first.config.issuer,
      LATCHKEY_CLIENT_ID: id,
      LATCHKEY_CLIENT_SECRET: secret,
    }
    const ada = await signUp(first.app)
    const services = await startThreeServices(t, { env, instances: addresses, accessToken: ada.accessToken })
    const sessions: Person[] = []
    for (let count = 0; count < LOGOUTS; count++) sessions.push(await signIn(instances[count % 2]!.app, ada.email))
    const others: Person[] = []
    for (let count = 0; count < 5; count++) others.push(await signUp(first.app))

    const delays: number[][] = []
    for (const [index, { accessToken }] of sessions.entries()) {
      for (const service of services) t.equal(await verdictOf(service, accessToken), 200, `${service.name} accepts it`)
      const { app } = instances[Math.floor(index / 2) % 2]!
      const logOut = async () => {
        const answer = await post(app, '/auth/logout', {}, { authorization: `Bearer ${accessToken}` })
        t.equal(answer.statusCode, 204)
      }
      delays.push(await delaysOf(services, accessToken, logOut))
    }
    for (const [index, { name }] of services.entries()) {
      const { median, worst } = medianAndWorst(delays.map(each => each[index]!))
      t.comment(`${name}: ${LOGOUTS} logouts, median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`)
    }

    for (let count = 0; count < 10; count++) {
      const { app } = instances[count % 2]!
      const { accessToken } = await signIn(app, ada.email)
      for (const service of services) t.equal(await verdictOf(service, accessToken), 200)
      const headers = { authorization: `Bearer ${accessToken}`, prefer: 'wait=10' }
      t.equal((await post(app, '/auth/logout', {}, headers)).statusCode, 204, 'all have confirmed it')
      const verdicts = await Promise.all(services.map(service => verdictOf(service, accessToken)))
      t.same(verdicts, ['token_revoked', 'token_revoked', 'token_revoked'], 'so the next request is refused')
    }

    for (const service of services) {
      const codes = await Promise.all(sessions.map(({ accessToken }) => verdictOf(service, accessToken)))
      t.same(new Set(codes), new Set(['token_revoked']), `${service.name} goes on refusing them`)
      for (const { accessToken } of [ada, ...others]) t.equal(await verdictOf(service, accessToken), 200)
    }
  },
)
