import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

t.test('every response forbids loading resources, framing, content sniffing and referrers', async t => {
  const { app } = await buildToyApp(t)
  for (const url of ['/thing/7', '/nowhere']) {
    t.match((await app.inject(url)).headers, {
      'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
  }
})

t.test('HSTS is sent only if the public origin is https', async t => {
  const https = await buildToyApp(t)
  t.match((await https.app.inject('/thing/7')).headers['strict-transport-security'], /^max-age=31536000/)
  const http = await buildToyApp(t, { publicOrigin: 'http://localhost:3000' })
  t.equal((await http.app.inject('/thing/7')).headers['strict-transport-security'], undefined)
})
