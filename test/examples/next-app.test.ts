import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { installVerifier } from '../support/build-package.js'
import { verify } from '../support/people.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { ACCESS, cookieOf, REFRESH, type SignedIn, signedIn, store } from '../verifier/renewal/browser.js'
import { startExampleProcess } from './example-process.js'

// The files of the example that need Next are not run here: it is larger than everything else together.

interface Page {
  parts: { user?: string; accessToken?: string; refusal?: string; error?: string }[]
  /** How often the server has asked Latchkey for tokens. */
  asked: number
}

const root = resolve(import.meta.dirname, '../..')

async function open(t: Test): Promise<SignedIn & { load(path: string, cookie?: string): Promise<Loaded> }> {
  const service = await signedIn(t)
  const folder = await makeFolder(t)
  await installVerifier(folder, [])
  for (const name of ['latchkey.js', 'package.json'])
    await cp(join(root, 'examples/next-app', name), join(folder, name))
  const server = join(folder, 'page-server.mjs')
  await cp(join(root, 'test/support/page-server.mjs'), server)
  const env = { LATCHKEY_ISSUER: service.config.issuer, LATCHKEY_URL: service.url }
  const { url } = await startExampleProcess(t, process.execPath, [server], env)
  const { browser } = service
  return {
    ...service,
    async load(path, cookie = cookieOf(browser)) {
      const answer = await fetch(url + path, { headers: { cookie, 'user-agent': browser.userAgent } })
      return { page: (await answer.json()) as Page, setCookies: answer.headers.getSetCookie() }
    },
  }
}

interface Loaded {
  page: Page
  setCookies: readonly string[]
}

/** A script of a tab refreshes, with the cookies that all tabs share. */
async function refreshInTab({ browser }: SignedIn, isLost = false): Promise<number> {
  const tab = browser.copy()
  const answer = await tab.refresh()
  if (!isLost) store(browser, [answer.headers['set-cookie'] ?? []].flat())
  return answer.statusCode
}

t.test('twenty components at once, beside tabs that refresh, cause no loop and sign nobody out', async t => {
  const service = await open(t)
  const { browser, clock, load, database } = service
  const userId = (await load('/page')).page.parts[0]!.user
  t.type(userId, 'string')
  const GENERATIONS = 40
  for (let generation = 0; generation < GENERATIONS; generation++) {
    await clock.advance(35)
    browser.cookies.delete(ACCESS)
    const before = cookieOf(browser)
    const begin = (await load('/parts', '')).page.asked
    // All are sent with the cookies of now; the answer of one page is lost in every third generation.
    const pages = ['/page', '/page', '/parts', '/page', '/parts'].map((path, index) =>
      load(path).then(loaded => {
        if (index > 0 || generation % 3 > 0) store(browser, loaded.setCookies)
        return loaded.page
      }),
    )
    const tabs = [refreshInTab(service), refreshInTab(service, generation % 5 === 0)]
    for (const status of await Promise.all(tabs)) if (status !== 200) t.fail(`a tab was refused: ${status}`)
    const loaded = await Promise.all(pages)
    // A request that the network delayed: its cookies are those from before the rotation.
    await clock.advance(generation % 2 === 0 ? 5 : 20)
    loaded.push((await load(generation % 4 === 0 ? '/page' : '/parts', before)).page)
    for (const { parts } of loaded)
      if (!parts.every(({ user }) => user === userId)) t.fail(`a part was refused: ${JSON.stringify(parts)}`)
    const { asked } = (await load('/parts', '')).page
    t.ok(asked - begin <= loaded.length * 21, 'each page asks at most once for itself and once for each part')
  }
  const events = await database.admin`select distinct type from security_events where type like 'refresh_%'`
  t.strictSame(
    [...events].filter(({ type }) => type !== 'refresh_replayed'),
    [],
  )
  const [row] = await database.admin`select generation from refresh_tokens where session_id = ${browser.sessionId!}`
  t.ok(row!.generation >= GENERATIONS, `${row!.generation} generations`)
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('a page that the proxy has renewed asks no more', async t => {
  const { browser, clock, load } = await open(t)
  for (let generation = 1; generation <= 3; generation++) {
    await clock.advance(35)
    browser.cookies.delete(ACCESS)
    const { page, setCookies } = await load('/page')
    t.equal(page.asked, generation, 'the components use the new access cookie')
    store(browser, setCookies)
    t.equal((await load('/page')).page.asked, generation, 'and so does the next page')
  }
})

t.test('a server without a proxy works for hours, and the browser can always refresh', async t => {
  const { app, browser, clock, load } = await open(t)
  for (let hour = 0; hour < 5; hour++) {
    browser.cookies.delete(ACCESS)
    await clock.advance(3600)
    for (const seconds of [0, 70, 600]) {
      await clock.advance(seconds)
      for (const { accessToken } of (await load('/parts')).page.parts) t.equal(await verify(app, accessToken!), 200)
      await app.context.activity.flush()
    }
    t.equal((await browser.refresh()).statusCode, 200)
  }
})

t.test('components that ask again and again with an old cookie end nothing', async t => {
  const { browser, clock, load, database } = await open(t)
  const old = browser.copy()
  old.cookies.delete(ACCESS)
  for (let rotation = 0; rotation < 2; rotation++) {
    await clock.advance(100)
    await browser.refresh()
  }
  for (let round = 0; round < 5; round++) {
    const { page } = await load('/parts', cookieOf(old))
    t.strictSame(new Set(page.parts.map(({ refusal }) => refusal)), new Set(['refresh_token_superseded']))
    await clock.advance(300)
  }
  const events = await database.admin`select type from security_events where type like 'refresh_%'`
  t.strictSame([...events], [])
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('a page of a session that has ended has no user, and the browser’s cookies are cleared', async t => {
  const { browser, load } = await open(t)
  await browser.copy().post('/auth/logout')
  browser.cookies.delete(ACCESS)
  const ended = await load('/parts')
  t.strictSame(new Set(ended.page.parts.map(({ refusal }) => refusal)), new Set(['session_revoked']))
  t.strictSame(ended.setCookies, [])
  const { page, setCookies } = await load('/page')
  t.notOk(page.parts.some(({ user }) => user !== undefined))
  store(browser, setCookies)
  t.notOk(browser.cookies.has(REFRESH))
  t.strictSame((await load('/page')).page.parts[0], {}, 'nobody is signed in')
})

t.test('while Latchkey cannot be asked, the parts of a page say so, and nobody is signed out', async t => {
  const { app, browser, load } = await open(t)
  t.ok((await load('/page')).page.parts[0]!.user, 'the keys are loaded')
  await app.close()
  t.ok((await load('/page')).page.parts[0]!.user, 'the access cookie is enough')
  browser.cookies.delete(ACCESS)
  const { page, setCookies } = await load('/page')
  t.strictSame(new Set(page.parts.map(({ error }) => error)), new Set(['refresh_unavailable']))
  t.strictSame(setCookies, [])
})
