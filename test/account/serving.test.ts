import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { buildTestApp } from '../support/build-test-app.js'

t.test('the page and its files are served with a strict policy, compressed and kept', async t => {
  const { app } = await buildTestApp(t)
  const page = await app.inject('/account')
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'x-frame-options': 'DENY',
  })
  const policy = String(page.headers['content-security-policy'])
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"])
    t.match(policy, part)
  t.notMatch(policy, /unsafe|http|\*|data:/)
  t.match(page.headers.vary, /Accept-Language.*Accept-Encoding/)
  t.notMatch(
    page.body,
    /<script(?! type="module" src=)|<style| style=| on\w+=/,
    'there is no inline script and no style',
  )

  const files = [...page.body.matchAll(/(?:src|href)="(\/account\/[^"]+)"/g)].map(([, path]) => path!)
  t.ok(files.length >= 3)
  for (const url of new Set(files)) {
    const plain = await app.inject({ url, headers: { 'accept-encoding': 'identity' } })
    t.equal(plain.statusCode, 200, url)
    t.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable')
    t.equal(plain.headers['cross-origin-resource-policy'], 'same-origin')
    const br = await app.inject({ url, headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } })
    t.equal(br.headers['content-encoding'], 'br')
    t.ok(brotliDecompressSync(br.rawPayload).equals(plain.rawPayload))
    const gzip = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br;q=0' } })
    t.equal(gzip.headers['content-encoding'], 'gzip')
    t.ok(gunzipSync(gzip.rawPayload).equals(plain.rawPayload))
    t.equal(
      (await app.inject({ url, headers: { 'accept-encoding': 'br;q=0' } })).headers['content-encoding'],
      undefined,
    )
  }
})

t.test('HEAD, other methods, other files and a slash at the end', async t => {
  const { app } = await buildTestApp(t)
  const head = await app.inject({ method: 'HEAD', url: '/account' })
  t.match({ status: head.statusCode, body: head.body }, { status: 200, body: '' })
  t.match(await app.inject({ method: 'POST', url: '/account' }), { statusCode: 405, headers: { allow: 'GET, HEAD' } })
  t.equal((await app.inject('/account/')).statusCode, 200)
  for (const name of ['none.js', 'en.js.map', '..%2Fpackage.json', 'en-..%2F..%2Fcli.js', 'page.html'])
    t.equal((await app.inject(`/account/${name}`)).statusCode, 404, name)
})

t.test('a file of another version is the present one, and is not kept', async t => {
  const { app } = await buildTestApp(t)
  const other = await app.inject('/account/en-AAAAAAAAAA.js')
  t.match(other, { statusCode: 200, headers: { 'cache-control': 'no-store' } })
})

t.test('the language is that of the link, else of the browser, else English', async t => {
  const { app } = await buildTestApp(t)
  const languageOf = async (accepted: string | undefined, query = '') => {
    const headers = accepted === undefined ? {} : { 'accept-language': accepted }
    return /<html lang="(\w+)">/.exec((await app.inject({ url: `/account${query}`, headers })).body)?.[1]
  }
  t.equal(await languageOf(undefined), 'en')
  t.equal(await languageOf('fr-CA,fr;q=0.9,en;q=0.8'), 'fr')
  t.equal(await languageOf('de, es;q=0.5'), 'es')
  t.equal(await languageOf('de'), 'en')
  t.equal(await languageOf('fr', '?lang=es'), 'es')
  t.equal(await languageOf('fr', '?lang=<script>&lang=x'), 'fr')
})

t.test('below PUBLIC_PATH, whether a gateway strips the path or not', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'https://example.com', PUBLIC_PATH: '/identity' })
  for (const before of ['', '/identity']) {
    const { body } = await app.inject(`${before}/account`)
    t.match(body, 'data-base="/identity"')
    const [, file] = /src="\/identity(\/account\/en-[^"]+)"/.exec(body)!
    t.equal((await app.inject(before + file)).statusCode, 200, before)
  }
})

t.test('with PUBLIC_PATH=/account the page is where a gateway that strips it finds it', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'https://example.com', PUBLIC_PATH: '/account' })
  for (const url of ['/account', '/account/account']) {
    const { body } = await app.inject(url)
    const [, file] = /src="(\/account\/account\/en-[^"]+)"/.exec(body)!
    t.equal((await app.inject(file!)).statusCode, 200)
    t.equal((await app.inject(file!.slice('/account'.length))).statusCode, 200)
  }
})

t.test('a logo of the operator is served so that it runs no script', async t => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
  const folder = t.testdir({ 'logo.svg': svg })
  const { app } = await buildTestApp(t, { ACCOUNT_LOGO: `${folder}/logo.svg`, ACCOUNT_NAME: 'Brass & Mill' })
  const { body } = await app.inject('/account')
  const [, url] = /<img src="([^"]+)" alt="Brass &amp; Mill">/.exec(body)!
  const logo = await app.inject(url!)
  t.equal(logo.body, svg)
  t.match(logo.headers, {
    'content-type': 'image/svg+xml',
    'content-security-policy': /default-src 'none'.*sandbox/,
    'x-content-type-options': 'nosniff',
  })
})

t.test('the page offers the letters that a webhook takes', async t => {
  const { app } = await buildTestApp(t)
  const offered = async () => /data-letters="([^"]*)"/.exec((await app.inject('/account')).body)?.[1]
  t.equal(await offered(), '')
  const types = ['letter_password_reset', 'letter_account_exists'] as const
  await createWebhook(app.context, { url: 'https://example.com/letters', types }, 'cli')
  t.equal(await offered(), 'letter_password_reset')
})

t.test('ACCOUNT_PAGE=off removes the page', async t => {
  const { app } = await buildTestApp(t, { ACCOUNT_PAGE: 'off' })
  t.equal((await app.inject('/account')).statusCode, 404)
  t.notOk('account' in (await app.inject('/')).json())
})
