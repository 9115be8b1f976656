import type { FastifyInstance } from 'fastify'

export interface RootOptions {
  publicUrl: string
  /** PUBLIC_PATH; empty if there is none. */
  publicPath: string
}

/**
 * GET /: where to go from here. A browser is redirected to the description of the API; other clients get the addresses
 * as JSON.
 */
export async function rootRoutes(app: FastifyInstance, { publicUrl, publicPath }: RootOptions): Promise<void> {
  const addresses = {
    name: 'Latchkey',
    docs: `${publicUrl}/docs`,
    openapi: `${publicUrl}/openapi.json`,
    metadata: `${publicUrl}/.well-known/oauth-authorization-server`,
    jwks: `${publicUrl}/.well-known/jwks.json`,
    ready: `${publicUrl}/readyz`,
  }

  app.get('/', { schema: { hide: true } }, async (request, reply) => {
    const vary = [reply.getHeader('vary') ?? [], 'Accept'].flat().join(', ')
    reply.headers({ 'cache-control': 'no-store', vary })
    // A path, because a browser may have come by another address than PUBLIC_ORIGIN.
    if (acceptsHtml(request.headers.accept)) return reply.redirect(`${publicPath}/docs`, 303)
    return addresses
  })
}

/** Browsers name this type when they load a page. `*` is not enough: curl and libraries send it. */
function acceptsHtml(accept = ''): boolean {
  return accept.split(',').some(range => {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
    return type === 'text/html' && !parameters.some(parameter => /^q=0(\.0*)?$/.test(parameter))
  })
}
