import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Verifier } from '@latchkey/verifier'
import * as express from '@latchkey/verifier/express'
import latchkey, { authenticate, type Renew } from '@latchkey/verifier/fastify'
import { authenticateRequest } from '@latchkey/verifier/http'
import { protect } from '@latchkey/verifier/web'
import express5 from 'express'
import express4 from 'express4'
import Fastify, { type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import { sendTo } from './frameworks.js'
import { openService } from './open-service.js'

const RENEWED = ['access=new; Path=/; HttpOnly', 'refresh=next; Path=/; HttpOnly']
const OWN = ['theme=dark', 'language=en']
const PUBLIC = 'public, max-age=3600'

/** How a handler can make its head, and the cookies of its own in it. */
const handlers: Record<string, [(response: ServerResponse) => unknown, own: string[]]> = {
  'setHeader(cache-control)': [response => response.setHeader('Cache-Control', PUBLIC).end(), []],
  'setHeader(set-cookie), then write': [
    response => response.setHeader('Set-Cookie', OWN).setHeader('cache-control', PUBLIC).write('x') && response.end(),
    OWN,
  ],
  'one cookie': [response => response.setHeader('Set-Cookie', OWN[0]!).end(), [OWN[0]!]],
  'appended cookies': [response => response.appendHeader('set-cookie', OWN).end(), OWN],
  'writeHead with an object': [
    response => response.writeHead(200, { 'Cache-Control': PUBLIC, 'Set-Cookie': OWN, 'x-own': 'kept' }).end(),
    OWN,
  ],
  'writeHead with a reason and a list': [
    response =>
      response
        .writeHead(200, 'Fine', [
          'Cache-Control',
          PUBLIC,
          'Set-Cookie',
          OWN[0]!,
          'set-cookie',
          OWN[1]!,
          'x-own',
          'kept',
        ])
        .end(),
    OWN,
  ],
  'writeHead without headers': [response => response.setHeader('cache-control', PUBLIC).writeHead(200).end(), []],
  flushHeaders: [
    response => {
      response.setHeader('cache-control', PUBLIC).setHeader('set-cookie', OWN).flushHeaders()
      response.end()
    },
    OWN,
  ],
  'all headers removed, as by the error handler of Express': [
    response => {
      for (const name of response.getHeaderNames()) response.removeHeader(name)
      response.end()
    },
    [],
  ],
  'headers for a CDN': [
    response =>
      response.setHeader('Surrogate-Control', 'max-age=60').writeHead(200, { 'CDN-Cache-Control': 'max-age=60' }).end(),
    [],
  ],
}

type Handle = (response: ServerResponse) => unknown
type Start = (t: Test, verifier: Verifier, renew: Renew, handle: Handle) => Promise<string>

async function listen(
  t: Test,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(listener)
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const overExpress =
  (create: typeof express5): Start =>
  (t, verifier, renew, handle) => {
    const app = create()
    app.use(express.authenticate(verifier, { cookie: 'access', renew }))
    app.get('/', (_request, response) => void handle(response))
    return listen(t, app)
  }

const servers: Record<string, Start> = {
  'Express 5': overExpress(express5),
  'Express 4': overExpress(express4),
  'node:http': (t, verifier, renew, handle) =>
    listen(t, async (request, response) => {
      await authenticateRequest(verifier, request, { cookie: 'access', renew, response })
      handle(response)
    }),
  'Fastify 5, hijacked': (t, verifier, renew, handle) =>
    overFastify(t, verifier, renew, reply => handle(reply.hijack().raw)),
}

async function overFastify(t: Test, verifier: Verifier, renew: Renew, handle: (reply: FastifyReply) => unknown) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(latchkey, { verifier, cookie: 'access', renew })
  app.get('/', { onRequest: authenticate }, (_request, reply) => void handle(reply))
  return app.listen({ host: '127.0.0.1', port: 0 })
}

t.test('a handler cannot let caches keep renewed cookies, and cannot drop them by setting its own', async t => {
  const { user, verifier } = await openService(t)
  const renew: Renew = async () => ({ accessToken: user.accessToken, setCookies: RENEWED })
  for (const [name, start] of Object.entries(servers)) {
    await t.test(name, async t => {
      for (const [what, [handle, own]] of Object.entries(handlers)) {
        const send = sendTo(await start(t, verifier, renew, handle))
        const { headers } = await send('/', { cookie: 'refresh=1' })
        checkHead(t, headers, own, what)
        if (what.includes('with an object') || what.includes('a list')) t.equal(headers['x-own'], 'kept')
        const known = await send('/', { cookie: `access=${user.accessToken}` })
        if (what.includes('(cache-control)')) t.equal(known.headers['cache-control'], PUBLIC, 'if nothing is renewed')
        t.notMatch(String(known.headers['set-cookie']), 'refresh=')
      }
    })
  }
})

t.test('nor can a handler with the methods of Fastify', async t => {
  const { user, verifier } = await openService(t)
  const renew: Renew = async () => ({ accessToken: user.accessToken, setCookies: RENEWED })
  const replies: Record<string, [(reply: FastifyReply) => unknown, own: string[]]> = {
    header: [reply => reply.header('cache-control', PUBLIC).header('set-cookie', OWN).send('x'), OWN],
    'removed headers': [reply => reply.removeHeader('set-cookie').removeHeader('cache-control').send('x'), []],
    'a stream': [reply => reply.header('cache-control', PUBLIC).send(new Blob(['x']).stream()), []],
    'headers of Node': [
      reply => {
        reply.raw.setHeader('cache-control', PUBLIC)
        reply.removeHeader('set-cookie').send('x')
      },
      [],
    ],
  }
  for (const [what, [handle, own]] of Object.entries(replies)) {
    const send = sendTo(await overFastify(t, verifier, renew, handle))
    checkHead(t, (await send('/', { cookie: 'refresh=1' })).headers, own, what)
  }
})

t.test('nor can a fetch handler', async t => {
  const { user, verifier } = await openService(t)
  const renew: Renew = async () => ({ accessToken: user.accessToken, setCookies: RENEWED })
  const sent: Record<string, string>[] = [
    { 'cache-control': PUBLIC, 'set-cookie': OWN[0]! },
    { 'CDN-Cache-Control': 'max-age=60', 'surrogate-control': 'max-age=60', 'set-cookie': OWN[0]! },
  ]
  for (const own of sent) {
    const handler = protect(verifier, () => new Response('x', { headers: own }), { cookie: 'access', renew })
    const { headers } = await handler(new Request('http://service.test/', { headers: { cookie: 'refresh=1' } }))
    t.strictSame(new Set(headers.getSetCookie()), new Set([...RENEWED, OWN[0]]))
    t.equal(headers.get('cache-control'), 'no-store')
    for (const name of FOR_CDNS) t.notOk(headers.has(name), name)
  }
})

t.test('a handler that signs the user out after a renewal has the last word', async t => {
  const { user, verifier } = await openService(t)
  const renew: Renew = async () => ({ accessToken: user.accessToken, setCookies: RENEWED })
  const removed = 'refresh=; Path=/; Max-Age=0'
  for (const start of Object.values(servers)) {
    const url = await start(t, verifier, renew, response => response.setHeader('set-cookie', [removed]).end())
    const { headers } = await sendTo(url)('/', { cookie: 'refresh=1' })
    t.strictSame(headers['set-cookie'], [...RENEWED, removed])
  }
})

const FOR_CDNS = ['cdn-cache-control', 'surrogate-control']

function checkHead(t: Test, headers: Record<string, unknown>, own: string[], what: string): void {
  t.strictSame(headers['set-cookie'], [...RENEWED, ...own], what)
  t.equal(headers['cache-control'], 'no-store', what)
  for (const name of FOR_CDNS) t.notOk(headers[name], `${what}: ${name}`)
}
