import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { skip } from '../browser/chromium.js'
import { ADA, openClientPages } from './client-page.js'

// Other libraries for requests, with the client: they send its token, and get a newer one after a 401.

declare global {
  /** The status of a request by a library; a number above 399 is an error that it threw. */
  var start: () => void
  var call: (path: string, body?: object) => Promise<number>
  var controller: AbortController
}

/** How a request is made with the `api` of each block in the README. */
const LIBRARIES = {
  axios: "api.request({ url: path, method: body ? 'patch' : 'get', data: body })",
  ky: "api(path.slice(1), { method: body ? 'patch' : 'get', json: body })",
  ofetch: "api.raw(path, { method: body ? 'PATCH' : 'GET', body })",
}

const readme = await readFile('packages/client/README.md', 'utf8')

/** The block of the README, in a module that a page can load before its client exists. */
function moduleOf(library: string, request: string): string {
  const [, block = ''] = new RegExp(`^### ${library}\\n\\n\`\`\`js\\n([\\s\\S]*?)^\`\`\``, 'm').exec(readme) ?? []
  const [imports, statements] = [/^import/, /^(?!import)/].map(kind =>
    block
      .split('\n')
      .filter(line => kind.test(line))
      .join('\n'),
  )
  return `${imports}
    globalThis.start = () => {
      const auth = globalThis.client
      ${statements}
      globalThis.call = (path, body) => ${request}.then(({ status }) => status, error => error.response.status)
    }`
}

for (const [library, request] of Object.entries(LIBRARIES))
  t.test(`${library} sends the token, and repeats a refused request once`, { skip }, async t => {
    const { tab, requests, refuse, seen } = await open(t, moduleOf(library, request))
    t.equal(await tab.evaluate(() => call('/auth/profile')), 200)
    const [own] = await tab.evaluate(() => client.sessions.list())

    await refuse(1)
    const label = await tab.evaluate(id => call(`/auth/sessions/${id}`, { label: 'The desk' }), own!.id)
    t.equal(label, 204, 'the body came again')
    t.match(await tab.evaluate(() => client.sessions.list()), [{ label: 'The desk' }])

    // Until then, the newest token is not replaced again.
    await tab.waitForTimeout(3000)
    requests.length = 0
    await refuse(9)
    t.equal(await tab.evaluate(() => call('/auth/profile')), 401)
    t.equal(seen(), 2, 'and no third time')
    t.equal(requests.filter(request => request.startsWith('POST /auth/refresh')).length, 1)

    await refuse(0)
    await tab.evaluate(() => client.logout())
    t.equal(await tab.evaluate(() => call('/auth/profile')), 401, 'nobody is signed in')
  })

/** A page that is signed in, and a network that answers some requests with 401. */
async function open(
  t: Test,
  module: string,
): Promise<{
  tab: Page
  requests: string[]
  refuse(times: number): Promise<void>
  seen(): number
}> {
  const { open, context, requests } = await openClientPages(t, {}, module)
  const tab = await open()
  await tab.evaluate(() => start())
  await tab.evaluate(ada => client.register(ada), ADA)
  let [left, count] = [0, 0]
  await context.route(/profile|sessions\/./, route => {
    count++
    return left-- > 0 ? route.fulfill({ status: 401, body: 'no' }) : route.fallback()
  })
  return {
    tab,
    requests,
    async refuse(times) {
      ;[left, count] = [times, 0]
    },
    seen: () => count,
  }
}

t.test('axios sends the token to the allowed origins only, and can be detached', { skip }, async t => {
  const { open } = await openClientPages(
    t,
    {},
    `import axios from 'axios'
     import { attach } from '@latchkey/client/axios'
     globalThis.sent = async url => {
       const api = axios.create({ adapter: async config => ({ config, data: '', status: 200, statusText: '', headers: {} }) })
       const detach = attach(api, client)
       const first = (await api.get(url)).config.headers.get('authorization')
       const own = (await api.get(url, { headers: { authorization: 'Basic YTpi' } })).config.headers.get('authorization')
       detach()
       return [first, own, (await api.get(url)).config.headers.get('authorization')].map(value => value ?? null)
     }`,
  )
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  const sent = (url: string) => tab.evaluate(`sent(${JSON.stringify(url)})`) as Promise<string[]>
  t.match(await sent('/api/orders'), [/^Bearer ey/, 'Basic YTpi', null])
  t.strictSame(await sent('https://elsewhere.example/'), [null, 'Basic YTpi', null])
})

/** A page with an instance of axios; `options` are code. */
function axiosModule(options: string): string {
  return `
    import axios from 'axios'
    import { attach } from '@latchkey/client/axios'
    globalThis.start = () => {
      const api = axios.create({ baseURL: location.origin, ${options} })
      attach(api, globalThis.client)
      globalThis.call = (path, body) => api.request({ url: path, method: body ? 'patch' : 'get', data: body })
        .then(({ status }) => status, error => axios.isCancel(error) ? -1 : error.name)
    }`
}

t.test(
  'axios repeats a refused request whose status the caller accepts, with the body as it was',
  { skip },
  async t => {
    const { tab, refuse } = await open(
      t,
      axiosModule(`
      validateStatus: () => true,
      headers: { 'content-type': 'application/json' },
      transformRequest: [data => data && JSON.stringify({ label: data.label + '!' })]`),
    )
    const [own] = await tab.evaluate(() => client.sessions.list())
    await refuse(1)
    t.equal(await tab.evaluate(id => call(`/auth/sessions/${id}`, { label: 'The desk' }), own!.id), 204)
    t.match(await tab.evaluate(() => client.sessions.list()), [{ label: 'The desk!' }])
  },
)

t.test('axios ends a request at once that is aborted while it waits for a token', { skip }, async t => {
  const { tab, refuse } = await open(t, axiosModule('signal: (globalThis.controller = new AbortController()).signal'))
  await tab.context().route('**/auth/refresh', () => void tab.evaluate('globalThis.controller?.abort()'))
  await refuse(1)
  t.equal(await tab.evaluate(() => call('/auth/profile')), -1, 'for a newer token after a 401')

  await tab.reload()
  await tab.waitForFunction(() => globalThis.client !== undefined)
  const status = await tab.evaluate(() => {
    start()
    setTimeout(() => controller.abort(), 100)
    return call('/auth/profile')
  })
  t.equal(status, -1, 'for the first one')
})
