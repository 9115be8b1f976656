import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { skip } from '../browser/chromium.js'
import { until } from '../support/eventually.js'
import { ADA, openClientPages } from './client-page.js'

/** A service of the application, at another port of localhost: another origin of the same site. */
async function startService(
  t: Test,
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', 'authorization, content-type')
    response.setHeader('access-control-expose-headers', 'www-authenticate, x-token-refresh-required')
    if (request.method === 'OPTIONS') return response.writeHead(204).end()
    const body = Buffer.concat(await request.toArray()).toString()
    const { authorization, referer } = request.headers
    seen.push({ authorization, referer, body })
    return answer(request, response, body)
  })
  const port = await new Promise<number>(resolve =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  )
  t.teardown(() => server.close())
  return { url: `http://localhost:${port}`, seen }
}

interface Seen {
  authorization: string | undefined
  referer: string | undefined
  body: string
}

/** A page with a client that may send its token to the service. */
async function openWith(t: Test, origins: string[]): Promise<{ tab: Page; requests: string[] }> {
  const { open, requests } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  await tab.evaluate(async origins => {
    client.close()
    globalThis.client = createAuthClient({ origins })
    await client.getAccessToken()
  }, origins)
  requests.length = 0
  return { tab, requests }
}

t.test('the token goes to the allowed origins only', { skip }, async t => {
  const service = await startService(t, (_request, response) => response.end('ok'))
  const { tab } = await openWith(t, [])
  const call = (init?: RequestInit) =>
    tab.evaluate(([url, init]) => client.fetch(url!, init as never).then(r => r.text()), [service.url, init] as never[])
  t.equal(await call(), 'ok')
  t.equal(service.seen.at(-1)!.authorization, undefined, 'an origin that is not named')
  await tab.evaluate(url => {
    client.close()
    globalThis.client = createAuthClient({ origins: [url] })
  }, service.url)
  t.equal(await call(), 'ok')
  t.match(service.seen.at(-1)!.authorization, /^Bearer ey/)
  await call({ headers: { authorization: 'Basic YTpi' } })
  t.equal(service.seen.at(-1)!.authorization, 'Basic YTpi', "the caller's own credentials")
})

t.test('a 401 of an application is tried once more with a newer token, and never again', { skip }, async t => {
  let refusals = 1
  const service = await startService(t, (_request, response, body) => {
    response.statusCode = refusals-- > 0 ? 401 : 200
    response.end(body)
  })
  const { tab, requests } = await openWith(t, [service.url])
  const post = (kind: string) =>
    tab.evaluate(
      async ([url, kind]) => {
        const form = new FormData()
        form.set('name', 'value')
        const body = {
          text: 'some text',
          form,
          blob: new Blob(['some text']),
          params: new URLSearchParams({ a: 'b' }),
        }[kind!]
        const target = kind === 'request' ? new Request(url!, { method: 'POST', body: 'some text' }) : url!
        const response = await client.fetch(target, kind === 'request' ? undefined : { method: 'POST', body: body! })
        return { status: response.status, text: await response.text() }
      },
      [service.url, kind] as const,
    )
  const kinds = ['text', 'form', 'blob', 'params', 'request']
  refusals = kinds.length
  for (const { status, text } of await Promise.all(kinds.map(post))) {
    t.equal(status, 200)
    t.match(text, /some text|name="name"|a=b/, 'the body came again')
  }
  t.equal(service.seen.length, 2 * kinds.length)
  t.equal(new Set(service.seen.map(({ authorization }) => authorization)).size, 2, 'with one newer token')
  t.strictSame(requests, ['POST /auth/refresh 200'])
  // Later than that, a service that refuses may have another reason.
  await tab.waitForTimeout(3000)
  refusals = 10
  service.seen.length = 0
  requests.length = 0
  t.match(await post('text'), { status: 401 })
  t.equal(service.seen.length, 2)
  t.strictSame(requests, ['POST /auth/refresh 200'])
})

t.test('a Request keeps its own referrer, also when it is sent again', { skip }, async t => {
  const service = await startService(t, (_request, response) => response.writeHead(401).end())
  const { tab } = await openWith(t, [service.url])
  const referrer = new URL('/elsewhere', tab.url()).href
  await tab.evaluate(
    async ([url, referrer]) => {
      const init = { referrer, referrerPolicy: 'unsafe-url' } as RequestInit
      await client.fetch(new Request(url!, init))
      await client.fetch(new Request(url!), init)
      await client.fetch(url!, init)
    },
    [service.url, referrer] as const,
  )
  t.ok(service.seen.length >= 4)
  t.strictSame([...new Set(service.seen.map(({ referer }) => referer))], [referrer])
})

t.test('a service that wants a recent sign-in gets no second request', { skip }, async t => {
  const service = await startService(t, (_request, response) =>
    response.writeHead(401, { 'www-authenticate': 'Bearer error="insufficient_user_authentication"' }).end(),
  )
  const { tab, requests } = await openWith(t, [service.url])
  t.equal(await tab.evaluate(async url => (await client.fetch(url)).status, service.url), 401)
  t.equal(service.seen.length, 1)
  t.strictSame(requests, [])
})

t.test('a service can ask for a refresh', { skip }, async t => {
  const service = await startService(t, (_request, response) =>
    response.writeHead(200, { 'x-token-refresh-required': 'true' }).end(),
  )
  const { tab } = await openWith(t, [service.url])
  const refreshed = tab.waitForResponse('**/auth/refresh')
  await tab.evaluate(async url => (await client.fetch(url)).status, service.url)
  t.equal((await refreshed).status(), 200)
})

t.test('a stream of an answer is read as it arrives, and a request can be aborted', { skip }, async t => {
  const service = await startService(t, (_request, response) => void response.write('first'))
  const { tab } = await openWith(t, [service.url])
  const result = await tab.evaluate(async url => {
    const controller = new AbortController()
    const response = await client.fetch(url, { signal: controller.signal })
    const reader = response.body!.getReader()
    const text = new TextDecoder().decode((await reader.read()).value)
    controller.abort()
    const after = await reader.read().catch(error => error.name)
    const before = await client.fetch(url, { signal: AbortSignal.abort() }).catch(error => error.name)
    return { text, after, before }
  }, service.url)
  t.strictSame(result, { text: 'first', after: 'AbortError', before: 'AbortError' })
})

t.test('a request that waits for a refresh can be aborted', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  await context.route('**/auth/refresh', () => {})
  const page = await open()
  const names = await page.evaluate(() => {
    const signal = AbortSignal.timeout(100)
    const requests = [client.fetch('/auth/profile', { signal }), client.fetch(new Request('/auth/profile', { signal }))]
    return Promise.all(requests.map(request => request.catch(error => error.name)))
  })
  t.strictSame(names, ['TimeoutError', 'TimeoutError'])
})

t.test('the token never follows <base> to another origin, and neither does a sign-in', { skip }, async t => {
  const service = await startService(t, (_request, response) => response.end('{}'))
  const { tab, requests } = await openWith(t, [])
  await tab.evaluate(url => {
    const { document } = globalThis as never as { document: { head: { innerHTML: string } } }
    document.head.innerHTML += `<base href="${url}/">`
  }, service.url)
  await tab.evaluate(() => client.fetch('orders'))
  t.equal(service.seen.at(-1)!.authorization, undefined)
  t.equal(await tab.evaluate(() => client.allows('orders')), false)
  t.equal(await tab.evaluate(url => client.allows(url), tab.url()), true)
  await tab.evaluate(ada => createAuthClient({ baseUrl: '/' }).login(ada), ADA)
  t.ok(requests.includes('POST /auth/login 200'), 'with the service, and with baseUrl: "/"')
  t.equal(service.seen.length, 1)
})

t.test('a Request of another frame gets no token for another origin', { skip }, async t => {
  const service = await startService(t, (_request, response) => response.end('ok'))
  const { tab } = await openWith(t, [])
  await tab.evaluate(async url => {
    const { document } = globalThis as never as { document: Frames }
    const frame = document.body.appendChild(document.createElement('iframe'))
    await client.fetch(new frame.contentWindow.Request(url))
  }, service.url)
  t.match(service.seen, [{ authorization: undefined, body: '' }])
})

interface Frames {
  createElement(name: string): { contentWindow: { Request: typeof Request } }
  body: { appendChild<T>(element: T): T }
}

t.test('a request that one user made is not sent as another one', { skip }, async t => {
  let answer = () => {}
  const service = await startService(t, (_request, response) => {
    answer = () => response.writeHead(401).end()
  })
  const { tab } = await openWith(t, [service.url])
  const sent = tab.evaluate(
    async url => (await client.fetch(url, { method: 'POST', body: 'by Ada' })).status,
    service.url,
  )
  await until(() => service.seen.length === 1)
  await tab.evaluate(ada => client.register({ ...ada, email: 'grace@example.com' }), ADA)
  answer()
  t.equal(await sent, 401)
  t.equal(service.seen.length, 1)
})

t.test('nor is a request that waited for a token', { skip }, async t => {
  const { open, context, clock } = await openClientPages(t)
  const tab = await open(undefined, { clock: true })
  await tab.evaluate(ada => client.register(ada), ADA)
  await context.route('**/auth/refresh', () => {})
  await clock.advance(20 * 60)
  await tab.clock.fastForward(20 * 60_000)
  const sent = tab.evaluate(() => client.fetch('/auth/profile', { method: 'POST' }).catch(({ code }) => code))
  await tab.evaluate(ada => client.register({ ...ada, email: 'grace@example.com' }), ADA)
  t.equal(await sent, 'user_changed')
})

t.test('an application that always answers 401, or always asks for a refresh, causes no storm', { skip }, async t => {
  const service = await startService(t, (request, response) =>
    response.writeHead(request.url === '/' ? 401 : 200, { 'x-token-refresh-required': 'true' }).end(),
  )
  const { tab, requests } = await openWith(t, [service.url])
  const statuses = await tab.evaluate(async url => {
    const statuses = new Set<number>()
    for (let n = 0; n < 30; n++) statuses.add((await client.fetch(n % 2 ? url : `${url}/other`)).status)
    return [...statuses]
  }, service.url)
  t.strictSame(statuses, [200, 401])
  t.ok(requests.filter(request => request.startsWith('POST /auth/refresh')).length <= 3, `${requests.length} refreshes`)
})

t.test('a signal that lives long keeps nothing of the requests', { skip }, async t => {
  const { open } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  const listeners = await tab.evaluate(async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add.apply(signal, args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove.apply(signal, args)
    }
    for (let n = 0; n < 5; n++) await client.fetch('/auth/profile', { signal })
    return listeners
  })
  t.equal(listeners, 0)
})
