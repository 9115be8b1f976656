import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { authenticateRequest } from '@latchkey/verifier/http'
import { cookiesAfter, createRenew } from '@latchkey/verifier/renew'
import { decodeJwt } from 'jose'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { Device, FIREFOX } from '../../support/device.js'
import { ACCESS, cookieOf, REFRESH, signedIn, store } from './browser.js'

t.test('a WebSocket is opened without a rotation, whose cookies could not be set', async t => {
  const { browser, verifier, renew, clock, app } = await signedIn(t)
  const sockets = new WebSocketServer({ noServer: true })
  const server = createServer()
  server.on('upgrade', async (request, socket, head) => {
    const principal = await authenticateRequest(verifier, request, { cookie: ACCESS, renew })
    sockets.handleUpgrade(request, socket, head, ws => {
      ws.send(principal.generation)
      ws.on('message', () =>
        authenticateRequest(verifier, request, { cookie: ACCESS, renew }).then(() => ws.send('ok')),
      )
    })
  })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `127.0.0.1:${(server.address() as AddressInfo).port}`
  await clock.advance(100)
  browser.cookies.delete(ACCESS)
  const headers = { cookie: cookieOf(browser), origin: `http://${url}`, 'user-agent': FIREFOX }
  const socket = new WebSocket(`ws://${url}`, { headers })
  const [generation] = await once(socket, 'message')
  t.equal(String(generation), '0')
  // It stays open, and is used, for longer than the settling time.
  for (let message = 0; message < 3; message++) {
    await clock.advance(70)
    socket.send('who am I?')
    t.equal(String((await once(socket, 'message'))[0]), 'ok')
    await app.context.activity.flush()
  }
  t.equal((await browser.refresh()).statusCode, 200, 'the cookies of the browser are still good')
})

t.test('without a response that can set cookies, a token is renewed without a rotation', async t => {
  const { browser, verifier, renew } = await signedIn(t)
  const request = { method: 'GET', headers: { cookie: `${REFRESH}=${browser.cookies.get(REFRESH)}` } }
  t.match(await authenticateRequest(verifier, request, { cookie: ACCESS, renew }), { generation: 0 })
  t.strictSame((await renew(request, { rotate: false }))?.setCookies, [])
  const upgrade = { ...request, headers: { ...request.headers, upgrade: 'websocket' } }
  t.strictSame((await renew(upgrade))?.setCookies, [])
  const rotated = await renew(request)
  t.match(decodeJwt(rotated!.accessToken!), { gen: 1 })
  t.ok(rotated!.setCookies.length > 0)
})

t.test('the cookies after a renewal are those that the browser sends next', async t => {
  const { browser, renew, clock } = await signedIn(t)
  browser.cookies.set('theme', 'dark=1')
  for (let rotation = 0; rotation < 5; rotation++) {
    await clock.advance(100)
    const header = cookieOf(browser)
    const renewal = await renew({ headers: { cookie: header } })
    const after = cookiesAfter(header, renewal!.setCookies)
    store(browser, renewal!.setCookies)
    t.strictSame(new Set(after.split('; ')), new Set(cookieOf(browser).split('; ')))
    const server = new Device(browser.app, 'node')
    for (const pair of after.split('; '))
      server.cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    t.match(decodeJwt((await server.post('/auth/refresh', { rotate: false })).json().access_token), {
      gen: rotation + 1,
    })
  }
  await browser.copy().post('/auth/logout')
  const over = await renew({ headers: { cookie: cookieOf(browser) } })
  t.match(over, { refusal: 'session_revoked' })
  t.notMatch(cookiesAfter(cookieOf(browser), over!.setCookies), REFRESH.concat('='))
  t.match(cookiesAfter(cookieOf(browser), over!.setCookies), 'theme=dark=1')
})

t.test('cookies are replaced, added and cleared by their attributes', async t => {
  t.equal(cookiesAfter('a=1; b=2', ['a=3; Path=/; HttpOnly', 'c=4']), 'a=3; b=2; c=4')
  t.equal(cookiesAfter('a=1; b=2', ['a=; Max-Age=0; Path=/']), 'b=2')
  t.equal(cookiesAfter('a=1; b=2', ['b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT']), 'a=1')
  t.equal(cookiesAfter('a=1', ['a=; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT']), 'a=')
  t.equal(cookiesAfter('a=1', ['a=2; Path=/', 'a=; Max-Age=0; Path=/identity']), 'a=2', 'cleared in another scope')
  for (const nothing of [undefined, null, '', '; ;x']) t.equal(cookiesAfter(nothing, []), '')
})

t.test('wrong options are refused at once', t => {
  const wrong: [options: object, about: RegExp][] = [
    [{}, /baseUrl/],
    [{ baseUrl: 'latchkey:3000' }, /baseUrl/],
    [{ baseUrl: 'http://user:secret@latchkey' }, /baseUrl/],
    [{ baseUrl: 'http://latchkey/?a=b' }, /baseUrl/],
    [{ baseUrl: 'http://latchkey', refreshCookie: '__Host-latchkey-at' }, /refreshCookie/],
    [{ baseUrl: 'http://latchkey', refreshCookie: 'a b' }, /refreshCookie/],
    [{ baseUrl: 'http://latchkey', timeoutMs: 0 }, /timeoutMs/],
    [{ baseUrl: 'http://latchkey', timeoutMs: '5s' }, /timeoutMs/],
    [{ baseUrl: 'http://latchkey', fetch: 1 }, /fetch/],
  ]
  for (const [options, message] of wrong)
    t.throws(() => createRenew(options as never), { name: 'TypeError', message }, JSON.stringify(options))
  t.end()
})
