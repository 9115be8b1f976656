import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Verifier } from '@latchkey/verifier'
import * as express from '@latchkey/verifier/express'
import latchkey, * as fastify from '@latchkey/verifier/fastify'
import { answerRefusal, authenticateRequest, requireRecentAuth, requireRole } from '@latchkey/verifier/http'
import type { WebOptions } from '@latchkey/verifier/web'
import * as web from '@latchkey/verifier/web'
import express5, { type Request, type Response } from 'express'
import express4 from 'express4'
import Fastify from 'fastify'
import { Hono } from 'hono'
import type { Test } from 'tap'

/** What every adapter accepts. */
export type Options = Omit<web.AuthenticateOptions, 'optional'>

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Record<string, unknown>
}

/** Sends a request to a service. A header can have several values, which are sent one after the other. */
export type Send = (path: string, headers?: Record<string, string | string[]>, method?: string) => Promise<Answer>

/**
 * The same small service with each adapter: `/me` for signed-in users, `/editors` for two roles, `/recent` for users who
 * signed in within five minutes, and `/open` for everybody. Each answers with the principal.
 */
export const frameworks: Record<string, (t: Test, verifier: Verifier, options?: Options) => Promise<Send>> = {
  async 'Fastify 5'(t, verifier, options = {}) {
    const app = Fastify()
    t.teardown(() => app.close())
    app.register(latchkey, { verifier, ...options })
    app.route({ method: ['GET', 'POST'], url: '/me', onRequest: fastify.authenticate, handler: async r => r.principal })
    app.get('/editors', { onRequest: fastify.requireRole('editor', 'admin') }, async ({ principal }) => principal)
    app.get('/recent', { onRequest: fastify.requireRecentAuth(300) }, async ({ principal }) => principal)
    app.get('/open', { onRequest: fastify.authenticateOptional }, async ({ principal }) =>
      principal === null ? {} : principal,
    )
    return sendTo(await app.listen({ host: '127.0.0.1', port: 0 }))
  },
  'Express 5': (t, verifier, options) => serve(t, expressService(express5, verifier, options)),
  'Express 4': (t, verifier, options) => serve(t, expressService(express4, verifier, options)),
  'node:http': (t, verifier, options) => serve(t, httpService(verifier, options)),
  Hono: async (_t, verifier, options) => sendToHandler(honoService(verifier, options).fetch),
  'a fetch handler': async (_t, verifier, options) => sendToHandler(fetchService(verifier, options)),
}

function expressService(create: typeof express5, verifier: Verifier, options: Options = {}) {
  const app = create()
  const authenticate = express.authenticate(verifier, options)
  const tell = (request: Request, response: Response) => void response.json(request.principal ?? {})
  app.all('/me', authenticate, tell)
  app.get('/editors', authenticate, express.requireRole('editor', 'admin'), tell)
  app.get('/recent', authenticate, express.requireRecentAuth(300), tell)
  app.get('/open', express.authenticate(verifier, { ...options, optional: true }), tell)
  return app
}

function httpService(verifier: Verifier, options: Options = {}) {
  return async (request: IncomingMessage, response: ServerResponse) => {
    try {
      const isOpen = request.url === '/open'
      const principal = isOpen
        ? await authenticateRequest(verifier, request, { ...options, response, optional: true })
        : await authenticateRequest(verifier, request, { ...options, response })
      if (request.url === '/editors') requireRole(principal!, 'editor', 'admin')
      if (request.url === '/recent') requireRecentAuth(verifier, principal!, 300)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(principal ?? {}))
    } catch (error) {
      answerRefusal(response, error)
    }
  }
}

function honoService(verifier: Verifier, options: Options = {}) {
  const app = new Hono<{ Variables: { principal: unknown } }>()
  for (const [path, more] of Object.entries(ROUTES)) {
    app.use(path, async (c, next) => {
      const admitted = await web.authenticate(verifier, c.req.raw, { ...options, ...more })
      if (admitted instanceof globalThis.Response) return admitted
      c.set('principal', admitted.principal)
      await next()
      c.res = admitted.complete(c.res)
      return undefined
    })
    app.all(path, c => c.json(c.get('principal') ?? {}))
  }
  return app
}

const ROUTES: Record<string, WebOptions> = {
  '/me': {},
  '/editors': { roles: ['editor', 'admin'] },
  '/recent': { maxAgeSeconds: 300 },
  '/open': { optional: true },
}

function fetchService(verifier: Verifier, options: Options = {}) {
  return async (request: globalThis.Request): Promise<globalThis.Response> => {
    const { optional, ...more } = ROUTES[new URL(request.url).pathname]!
    if (!optional)
      return web.protect(verifier, (_request, principal) => globalThis.Response.json(principal), {
        ...options,
        ...more,
      })(request)
    const admitted = await web.authenticate(verifier, request, { ...options, optional: true })
    if (admitted instanceof globalThis.Response) return admitted
    return admitted.complete(globalThis.Response.json(admitted.principal ?? {}))
  }
}

async function serve(t: Test, listener: (request: IncomingMessage, response: ServerResponse) => void): Promise<Send> {
  const server = createServer(listener)
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return sendTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

/** Sends with `node:http`, because `fetch` neither repeats a header nor sends an origin. */
export function sendTo(baseUrl: string): Send {
  return (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const request = sendRequest(baseUrl + path, { method, headers, agent: false, timeout: 10_000 }, response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: parse(text) }),
        )
      })
      request.on('timeout', () => request.destroy(new Error(`${method} ${path} was not answered`)))
      request.on('error', reject)
      request.end()
    })
}

function sendToHandler(handler: (request: globalThis.Request) => Response_ | Promise<Response_>): Send {
  return async (path, headers = {}, method = 'GET') => {
    const sent = new Headers()
    for (const [name, value] of Object.entries(headers)) for (const one of [value].flat()) sent.append(name, one)
    const response = await handler(new globalThis.Request(`http://service.test${path}`, { method, headers: sent }))
    return {
      status: response.status,
      headers: { ...Object.fromEntries(response.headers), 'set-cookie': response.headers.getSetCookie() },
      body: parse(await response.text()),
    }
  }
}

type Response_ = globalThis.Response

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return { text }
  }
}
