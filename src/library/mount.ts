import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import fp from 'fastify-plugin'
import { VERIFY_ANY_PATH, VERIFY_PATH } from '../http/rewrite-url.js'
import type { Log } from '../lib/log.js'

export interface MountOptions {
  /** The complete service, which does not listen. */
  service: FastifyInstance
  /** The paths of its routes. */
  paths: ReadonlySet<string>
  /** PUBLIC_PATH, or an empty text. */
  publicPath: string
  log: Log
  close(): Promise<void>
}

/**
 * Serves the service inside another Fastify application: the application's router and its `onRequest` hooks come first,
 * then the service handles the request itself (docs/adr/0018-inside-an-application.md).
 */
export function createMount(options: MountOptions) {
  const { service, publicPath } = options
  let isRegistered = false
  const plugin = async (app: FastifyInstance, { prefix: given = publicPath }: { prefix?: string }) => {
    const prefix = given === '/' ? '' : given
    if (isRegistered)
      throw new Error('latchkey.plugin is already registered: call createLatchkey for each application.')
    if ('http2' in app.initialConfig && app.initialConfig.http2)
      throw new Error('Latchkey speaks HTTP/1.1: register latchkey.plugin in an application without http2.')
    isRegistered = true
    if (!app.hasRequestDecorator('principal')) app.decorateRequest('principal', null as never)
    await app.register(async scope => addRoutes(scope, options), { prefix })
    app.addHook('preClose', async () => {
      service.drain(0)
      // The application waits for its connections before it closes the service.
      service.endEndlessAnswers()
    })
    app.addHook('onClose', () => options.close())
  }
  return fp(plugin, { name: 'latchkey', fastify: '5.x' })
}

function addRoutes(app: FastifyInstance, { service, paths, publicPath, log }: MountOptions): void {
  const { prefix } = app
  if (!publicPath.endsWith(prefix))
    throw new Error(
      `latchkey.plugin is registered with the prefix ${prefix}, but PUBLIC_PATH is ` +
        `${publicPath === '' ? 'not set' : publicPath}: set PUBLIC_PATH to the path at which browsers reach Latchkey.`,
    )
  const hand = (request: FastifyRequest, reply: FastifyReply) => handOver(service, prefix, request, reply)
  // A preflight is Latchkey's from here on, so that a CORS plugin that is registered later does not answer it.
  app.addHook('onRequest', (request, reply, done) => (isPreflight(request) ? hand(request, reply) : done()))
  // The last hook of each route: after those of the whole application, also those that are added later, and after those
  // that plugins such as @fastify/rate-limit have added to the route. No body has been read yet.
  app.addHook('onRoute', route => {
    route.onRequest = [route.onRequest ?? [], hand].flat()
  })
  // Below a prefix every path belongs to the service, which also answers 404 and 405. Without one, only its own paths do.
  const own = prefix === '' ? new Set([...paths].flatMap(spellingsOf)) : new Set(['/', '/*'])
  const hasRoute = (method: string, path: string) => app.hasRoute({ method: method as 'GET', url: prefix + path })
  const taken = [...own].flatMap(path =>
    app.supportedMethods.filter(method => hasRoute(method, path)).map(method => `${method} ${path}`),
  )
  if (taken.length > 0)
    log.warn(`The application has its own routes ${taken.join(', ')}, so those of Latchkey are not served.`)
  for (const path of own) {
    // With ignoreTrailingSlash, the second spelling is there already.
    const methods = app.supportedMethods.filter(method => !hasRoute(method, path))
    if (methods.length === 0) continue
    app.route({
      method: methods as HTTPMethods[],
      url: path,
      exposeHeadRoute: false,
      logLevel: 'silent',
      handler: unreachable,
    })
  }
}

/** The hooks above have answered every request. */
function unreachable(): never {
  throw new Error('the service did not take over this request')
}

/** The service takes both from headers that only {@link handOver} writes. */
export const serverOptions = {
  trustProxy: () => true,
  genReqId: ({ headers }: IncomingMessage) => String(headers[REQUEST_ID_HEADER]).slice(0, 128),
}

const REQUEST_ID_HEADER = 'x-request-id'

/** A final slash is for the service to judge. The two spellings for gateways are written to one path by the service. */
function spellingsOf(path: string): string[] {
  if (path === VERIFY_ANY_PATH) return [`${VERIFY_PATH}/*`, `${VERIFY_PATH}-role/*`]
  // Neither the page of the application nor the answer to CORS at any path.
  if (path === '/' || path === '*') return []
  return path.endsWith('/') || path.endsWith('*') ? [path] : [path, `${path}/`]
}

/**
 * Gives a request to the service. The application has decided who the client is (its `trustProxy`) and the id of the
 * request; the service trusts these two headers of every request, so they are always written here.
 */
function handOver(service: FastifyInstance, prefix: string, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack()
  keepHeaders(reply)
  const { raw, ip, id } = request
  setHeader(raw, 'x-forwarded-for', ip)
  setHeader(raw, REQUEST_ID_HEADER, id)
  if (prefix !== '') raw.url = pathBelow(raw.url!.slice(prefix.length))
  service.routing(raw, reply.raw)
}

/**
 * Keeps the headers that hooks of the application have set; a header that the service sets itself replaces them. Only
 * CORS_ORIGINS decides which pages can read the answers of the service, so the headers of CORS are not kept.
 */
function keepHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined && !name.startsWith('access-control-')) reply.raw.setHeader(name, value)
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

function setHeader({ headers }: IncomingMessage, name: string, value: string | undefined): void {
  if (value === undefined) delete headers[name]
  else headers[name] = value
}

function pathBelow(rest: string): string {
  return rest.startsWith('/') ? rest : `/${rest}`
}
