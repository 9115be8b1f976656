import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

const routes = (app: FastifyInstance) => {
  app.get('/read', async request => ({
    refresh: request.refreshCookies(),
    access: request.accessCookies(),
    device: request.deviceCookie() ?? null,
  }))
}

t.test('a repeated cookie has several values, and only a complete name matches', async t => {
  const { app } = await buildToyApp(t, { routes, cookie: { access: true } })
  const read = async (cookie: string) => (await app.inject({ url: '/read', headers: { cookie } })).json()
  t.match(await read('__Host-latchkey=a; __Host-latchkey=b; __Host-latchkey=a'), { refresh: ['a', 'b'] })
  t.match(await read('__Host-latchkey=a;x=1;\t__Host-latchkey =b'), { refresh: ['a', 'b'] })
  t.match(await read('__Host-latchkey=a; __Host-latchkey-at=b'), { refresh: ['a'], access: ['b'], device: null })
  t.match(await read('x=__Host-latchkey; __Host-latchkey=a'), { refresh: ['a'] })
  t.match(await read('__Host-latchkey-device=a.b; __Host-latchkey-device=c'), { refresh: [], device: 'a.b.c' })
})
