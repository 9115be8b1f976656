import { authenticate, protect } from '@latchkey/verifier/web'
import t from 'tap'
import { openService } from './open-service.js'

const requestWith = (headers: Record<string, string> = {}) => new Request('https://service.test/orders', { headers })

t.test('a wrapped handler gets the request, the principal and what the framework adds', async t => {
  const { verifier, user } = await openService(t)
  const get = protect(verifier, async (request: Request, principal, context: { params: { id: string } }) =>
    Response.json({ url: request.url, user: principal.userId, id: context.params.id }),
  )
  const answer = await get(requestWith({ authorization: `Bearer ${user.accessToken}` }), { params: { id: '7' } })
  t.same(await answer.json(), { url: 'https://service.test/orders', user: user.userId, id: '7' })
  t.equal((await get(requestWith(), { params: { id: '7' } })).status, 401)
})

t.test('an answer whose headers cannot be changed is completed as a copy', async t => {
  const { verifier, forger } = await openService(t)
  const now = Math.floor(Date.now() / 1000)
  const token = forger.token({}, { iat: now - 95, exp: now + 5 })
  const get = protect(verifier, () => Response.redirect('https://service.test/other', 303))
  const answer = await get(requestWith({ authorization: `Bearer ${token}` }))
  t.equal(answer.status, 303)
  t.equal(answer.headers.get('location'), 'https://service.test/other')
  t.equal(answer.headers.get('x-token-refresh-required'), 'true')
})

t.test('what a handler throws is not answered by the adapter', async t => {
  const { verifier, user } = await openService(t)
  const defect = new Error('a defect of the handler')
  const get = protect(verifier, () => {
    throw defect
  })
  await t.rejects(get(requestWith({ authorization: `Bearer ${user.accessToken}` })), defect)
})

t.test('roles that are wrong are a mistake, not a refusal', async t => {
  const { verifier } = await openService(t)
  t.throws(() => protect(verifier, () => Response.json({}), { roles: [] }), TypeError)
  t.throws(() => protect(verifier, () => Response.json({}), { maxAgeSeconds: 0 }), TypeError)
  await t.rejects(authenticate(verifier, requestWith(), { roles: [''] }), TypeError)
})
