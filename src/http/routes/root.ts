import type { FastifyInstance } from 'fastify'

export interface RootOptions {
  publicUrl: string
  /** PUBLIC_PATH; empty if there is none. */
  publicPath: string
  /** Whether there is an account page. */
  hasAccountPage: boolean
  /** The page to which a browser is led. */
  page: '/account' | '/docs'
}

/** GET /: where to go from here. A browser is redirected to a page; other clients get the addresses as JSON. */
export async function rootRoutes(app: FastifyInstance, options: RootOptions): Promise<void> {
  const { publicUrl, publicPath, hasAccountPage, page } = options
  const addresses = {
    name: 'Latchkey',
    ...(hasAccountPage && { account: `${publicUrl}/account` }),
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
    if (acceptsHtml(request.headers.accept)) return reply.redirect(`${publicPath}${page}`, 303)
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
