import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

t.test('/openapi.json describes the routes, their schemas and their errors', async t => {
  const { app } = await buildToyApp(t)
  const answer = await app.inject('/openapi.json')
  const document = answer.json()
  t.equal(document.openapi, '3.1.0')
  t.equal(document.info.title, 'Latchkey API')
  t.match(document.info.version, /^\d+\.\d+\.\d+/)
  t.same(
    document.servers.map(({ url }: { url: string }) => url),
    ['/', 'https://auth.example.com'],
  )
  t.match(document.components.securitySchemes, { bearer: { scheme: 'bearer' }, cookie: { name: '__Host-latchkey' } })

  const { requestBody, responses } = document.paths['/echo'].post
  t.same(requestBody.content['application/json'].schema.required, ['email'])
  t.same(responses['400'], { $ref: '#/components/responses/InvalidBody' })
  const { InvalidBody } = document.components.responses
  t.match(InvalidBody.description, 'invalid_json')
  const [problem, narrowed] = InvalidBody.content['application/problem+json'].schema.allOf
  t.equal(problem.$ref, '#/components/schemas/Problem', 'one schema for all problems')
  t.ok(document.components.schemas.Problem)
  t.same(narrowed.properties.code.enum, ['invalid_request', 'invalid_json', 'ambiguous_request'])
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
