import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { loggerOptions } from '../../src/server/logging.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { follow } from '../support/feed-follower.js'
import { listen } from '../support/raw-request.js'

t.test('the log says when a follower comes and goes, and nothing that it sent', async t => {
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const { app } = await buildTestApp(t, {}, { log: pino(loggerOptions('info'), sink) as never })
  const url = `http://127.0.0.1:${await listen(app)}`
  const client = await makeClient(app, 'revocations')
  const token = await clientToken(app, client)
  const query = { name: 'a-name-of-a-verifier' }
  const said = (msg: string) => lines.filter(line => line.msg === msg && line.reqId !== undefined)

  const leaves = await follow(t, { url, token, query, lastEventId: 'an-id-from-somewhere' }).complete()
  t.match(said('follower connected'), [{ clientId: client.id, reqId: leaves.headers['x-request-id'] }])
  leaves.close()
  await until(() => said('follower disconnected').length === 1)
  t.match(said('follower disconnected'), [{ clientId: client.id, responseTime: Number }])

  const stays = await follow(t, { url, token }).complete()
  await app.context.feed.close()
  await until(() => stays.isComplete)
  const completed = () => said('request completed').filter(({ reqId }) => reqId === stays.headers['x-request-id'])
  await until(() => completed().length === 1)
  t.equal(said('follower disconnected').length, 1, 'this one was not logged twice')
  t.notMatch(JSON.stringify(lines), new RegExp([token, 'a-name-of', 'an-id-from'].join('|')))
})
