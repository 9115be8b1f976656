import { createRequire } from 'node:module'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface OpenapiOptions {
  /** The URL before every path of this service, and the path of that URL; see Config. */
  publicUrl: string
  publicPath: string
  /** The name of the refresh cookie. */
  cookieName: string
}

/**
 * Describes the API from the routes' schemas: GET /openapi.json (OpenAPI 3.1), and a page that shows it at GET /docs. It
 * contains only routes that are registered later. A route declares its credentials in its schema:
 * `security: [{ bearer: [] }]`, `[{ client: [] }]` or `[{ cookie: [] }]`.
 */
export const openapi = fp(
  async (app: FastifyInstance, { publicUrl, publicPath, cookieName }: OpenapiOptions) => {
    const { name, version, description } = packageManifest()
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: name, version, description },
        servers: [{ url: publicUrl }],
        components: {
          securitySchemes: {
            bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token of a user.' },
            client: {
              type: 'http',
              scheme: 'bearer',
              bearerFormat: 'JWT',
              description: 'The access token of a client.',
            },
            cookie: { type: 'apiKey', in: 'cookie', name: cookieName, description: 'The refresh token of a browser.' },
          },
        },
      },
      // Schemas keep their own names instead of numbers.
      refResolver: { buildLocalReference: (schema, _base, _fragment, i) => String(schema.$id ?? `schema-${i}`) },
    })
    await app.register(async page => {
      if (publicPath !== '') redirectBelow(page, publicPath)
      const paths = { routePrefix: '/docs', indexPrefix: publicPath }
      await page.register(swaggerUi, { ...paths, staticCSP: PAGE_POLICY, logLevel: 'warn' })
    })

    app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  },
  { name: 'openapi', fastify: '5.x' },
)

// Swagger UI uses inline styles. It loads everything from this service and connects only to it.
const PAGE_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** Adds PUBLIC_PATH to the redirects of Swagger UI, which knows only the path without it. */
function redirectBelow(page: FastifyInstance, publicPath: string): void {
  page.addHook('onSend', (_request, reply, _payload, done) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && location.startsWith('/')) reply.header('location', publicPath + location)
    done()
  })
}

/** The manifest is three folders up, from src/http/plugins and from dist/http/plugins. */
function packageManifest(): { name: string; version: string; description: string } {
  return createRequire(import.meta.url)('../../../package.json')
}
