import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

t.test('GET / leads a browser to the page, and gives other clients the addresses', async t => {
  const { app } = await buildTestApp(t, { NODE_ENV: 'production', PUBLIC_ORIGIN: 'https://example.com' })
  const get = (accept?: string, url = '/') => app.inject({ url, headers: accept === undefined ? {} : { accept } })
  for (const accept of [BROWSER, 'Text/HTML', 'application/json, text/html;q=0.1']) {
    const { statusCode, headers } = await get(accept)
    t.match({ statusCode, headers }, { statusCode: 303, headers: { location: '/docs', 'cache-control': 'no-store' } })
    t.match(headers.vary, /Accept/)
  }
  t.equal((await get(BROWSER, '/docs')).statusCode, 200, 'the page exists')
  for (const accept of [undefined, '*/*', 'application/json', 'text/html;q=0, */*']) {
    const answer = await get(accept)
    t.equal(answer.statusCode, 200, String(accept))
    t.match(answer.json(), { docs: 'https://example.com/docs', openapi: 'https://example.com/openapi.json' })
    t.match(answer.headers.vary, /Accept/)
  }
  const { docs, metadata, name, ...others } = (await get()).json()
  for (const address of [docs, metadata, ...Object.values(others)])
    t.equal((await get('*/*', new URL(address as string).pathname)).statusCode, 200, String(address))
  t.equal(name, 'Latchkey')

  const head = await app.inject({ method: 'HEAD', url: '/', headers: { accept: BROWSER } })
  t.match({ status: head.statusCode, body: head.body }, { status: 303, body: '' })
  t.equal((await app.inject({ method: 'POST', url: '/' })).statusCode, 405)
  t.equal((await get(undefined, '/?utm=1')).statusCode, 200)
})

t.test('below PUBLIC_PATH, GET / leads below it, whether a gateway strips the path or not', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'https://example.com', PUBLIC_PATH: '/identity' })
  for (const url of ['/', '/identity', '/identity/', '/identity?a=b', '/identity/?a=b']) {
    const { statusCode, headers } = await app.inject({ url, headers: { accept: BROWSER } })
    t.match({ statusCode, location: headers.location }, { statusCode: 303, location: '/identity/docs' }, url)
  }
  t.equal((await app.inject('/')).json().docs, 'https://example.com/identity/docs')
  t.equal((await app.inject('/identityx')).statusCode, 404)
})

t.test('with PUBLIC_PATH=/docs the page is where a gateway that strips it finds it', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'https://example.com', PUBLIC_PATH: '/docs' })
  t.equal((await app.inject('/docs')).statusCode, 200)
  t.equal((await app.inject({ url: '/', headers: { accept: BROWSER } })).headers.location, '/docs/docs')
  t.equal((await app.inject('/docs/docs')).statusCode, 200)
})
