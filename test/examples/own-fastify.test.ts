import t from 'tap'
import { PASSWORD } from '../support/people.js'
import { startExample } from './start-example.js'

t.test('an application with its own copy of Fastify works too', async t => {
  const service = await startExample(t, { ownFastify: true })
  const client = await service.client()
  const { body } = await client.post('/auth/register', {
    email: 'ada@example.com',
    password: PASSWORD,
    transport: 'body',
  })
  t.match(await client.get('/notes', body.access_token), { status: 200 })
  t.match(await client.get('/notes'), { status: 401, body: { code: 'authentication_required' } })
  t.equal(await service.stop(), 0)
})
