import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

t.test('/openapi.json describes the routes, their schemas and their errors', async t => {
  const { app } = await buildToyApp(t)
  const answer = await app.inject('/openapi.json')
  const document = answer.json()
  t.equal(document.openapi, '3.1.0')
  t.equal(document.info.title, 'latchkey')
  t.match(document.info.version, /^\d+\.\d+\.\d+/)
  t.same(document.servers, [{ url: 'https://auth.example.com' }])
  t.match(document.components.securitySchemes, { bearer: { scheme: 'bearer' }, cookie: { name: '__Host-latchkey' } })

  const { requestBody, responses } = document.paths['/echo'].post
  t.same(requestBody.content['application/json'].schema.required, ['email'])
  t.match(responses['400'].description, 'invalid_json')
  const { $ref } = responses['400'].content['application/problem+json'].schema
  t.equal($ref, '#/components/schemas/Problem', 'one schema for all problems')
  t.ok(document.components.schemas.Problem)
})

t.test('/openapi.json does not list the routes of the documentation', async t => {
  const { app } = await buildToyApp(t)
  t.notMatch(Object.keys((await app.inject('/openapi.json')).json().paths).join(), /docs|openapi/)
})

t.test('the documentation page has its own Content-Security-Policy, which allows only this service', async t => {
  const { app } = await buildToyApp(t)
  const page = await app.inject('/docs')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], 'text/html')
  t.match(page.headers['content-security-policy'], "script-src 'self'")
  t.notMatch(page.headers['content-security-policy'], 'https:')
  t.match(page.headers['content-security-policy'], "frame-ancestors 'none'")
  t.equal((await app.inject('/docs/static/swagger-ui.css')).statusCode, 200)
})
