import { readFileSync } from 'node:fs'
import { createServer, request as forward, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { PASSWORD } from '../support/people.js'
import { skip, startChromium } from './chromium.js'

const pageOfDocs = readFileSync(join(import.meta.dirname, '../../docs/front-end.md'), 'utf8')
const EMAIL = 'ada@example.com'

/** The module in docs/front-end.md, for a service at this URL. */
function moduleOfDocs(url: string): string {
  const [, code = ''] = /```js\n(\/\/ latchkey\.js\n.*?)```/s.exec(pageOfDocs) ?? []
  return code.replace(/'http:\/\/localhost:3000'.*/, `'${url}'`)
}

/** The server of the page: `/` and the module, and what `others` answers. Returns its origin. */
async function startPage(t: Test, url: string, others?: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    const type = (value: string) => response.setHeader('content-type', value)
    if (request.url === '/') type('text/html') && response.end('<h1>A front end</h1>')
    else if (request.url === '/latchkey.js') type('text/javascript') && response.end(moduleOfDocs(url))
    else if (others) others(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** The service at a free port, and the variables that the test wants for a page at this origin. */
async function startService(t: Test, port: number, env: NodeJS.ProcessEnv) {
  const url = `http://localhost:${port}`
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: url, NODE_ENV: 'development', ...env })
  await app.listen({ port, host: '127.0.0.1' })
}

/** Registers, loads the page again, refreshes, lists the sessions and signs out, with the functions of the docs. */
async function walk(page: Page, origin: string): Promise<unknown> {
  const run = (code: string) =>
    page.evaluate(`import('/latchkey.js').then(async latchkey => { ${code} }).catch(error => ({ ...error }))`)
  await page.goto(origin)
  await run(`await latchkey.register('${EMAIL}', '${PASSWORD}')`)
  await run('await latchkey.signOut()')
  await run(`await latchkey.signIn('${EMAIL}', '${PASSWORD}')`)
  await page.reload()
  const sessions = await run(
    'await latchkey.refresh(); return (await latchkey.sessions()).map(({ current }) => current)',
  )
  await run('await latchkey.signOut()')
  return { sessions, afterwards: await run('await latchkey.refresh()') }
}

const EXPECTED = { sessions: [true], afterwards: { status: 401, code: 'refresh_token_missing' } }

t.test('a page on another port in CORS_ORIGINS signs in, refreshes and lists its sessions', { skip }, async t => {
  const port = await findFreePort()
  const origin = await startPage(t, `http://localhost:${port}`)
  await startService(t, port, { CORS_ORIGINS: origin })
  const page = await (await startChromium(t)).newPage()
  t.match(await walk(page, origin), EXPECTED)
})

t.test('so does a page whose server forwards the requests, without a setting', { skip }, async t => {
  const port = await findFreePort()
  await startService(t, port, {})
  // As Vite's proxy: every header is passed on, except that Host names the target.
  const origin = await startPage(t, '', (request, response) => {
    const { method, url: path } = request
    const headers = { ...request.headers, host: `localhost:${port}` }
    const forwarded = forward({ host: '127.0.0.1', port, method, path, headers }, answer => {
      response.writeHead(answer.statusCode!, answer.rawHeaders)
      answer.pipe(response)
    })
    request.pipe(forwarded)
  })
  const page = await (await startChromium(t)).newPage()
  t.match(await walk(page, origin), EXPECTED)
})

t.test('a page whose origin is not listed can read which setting is missing', { skip }, async t => {
  const port = await findFreePort()
  const origin = await startPage(t, `http://localhost:${port}`)
  await startService(t, port, {})
  const page = await (await startChromium(t)).newPage()
  await page.goto(origin)
  for (const call of [`signIn('${EMAIL}', '${PASSWORD}')`, 'refresh()', 'sessions()', 'signOut()']) {
    const refusal = await page.evaluate(
      `import('/latchkey.js').then(latchkey => latchkey.${call}).catch(error => ({ ...error, message: error.message }))`,
    )
    t.match(refusal, { status: 403, code: 'cross_site_request', message: `CORS_ORIGINS=${origin}` }, call)
  }
})

t.test('in production such a page can read nothing', { skip }, async t => {
  const port = await findFreePort()
  const origin = await startPage(t, `http://localhost:${port}`)
  await startService(t, port, { NODE_ENV: 'production', REDIS_KEY_PREFIX: 'other' })
  const page = await (await startChromium(t)).newPage()
  await page.goto(origin)
  const message = await page.evaluate(
    `import('/latchkey.js').then(latchkey => latchkey.signIn('a', 'b')).catch(({ message }) => message)`,
  )
  t.equal(message, 'Failed to fetch')
})
