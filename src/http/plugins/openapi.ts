import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { completeDocument, type OpenapiDocument } from '../openapi/complete-document.js'
import { describeRoute } from '../openapi/describe-route.js'
import { apiInformation, type OpenapiOptions } from '../openapi/information.js'
import { pageOptions } from '../openapi/page.js'

/**
 * Describes the API from the routes' schemas: GET /openapi.json (OpenAPI 3.1), and a page that shows it at GET /docs. It
 * contains only routes that are registered later. A route declares its name (`operationId`) and its credentials in its
 * schema (`security: [{ bearer: [] }]`), and what else there is to say under `documented`.
 */
export const openapi = fp(
  async (app: FastifyInstance, options: OpenapiOptions) => {
    await app.register(swagger, {
      openapi: apiInformation(options),
      // Otherwise it would remove PUBLIC_PATH from paths that begin with the same letters.
      stripBasePath: false,
      transform: describeRoute as never,
      transformObject: document => {
        if (!('openapiObject' in document)) throw new Error('The document is not OpenAPI 3.')
        return completeDocument(document.openapiObject as OpenapiDocument) as never
      },
      // Schemas keep their own names instead of numbers.
      refResolver: { buildLocalReference: (schema, _base, _fragment, i) => String(schema.$id ?? `schema-${i}`) },
    })
    await app.register(async page => {
      if (options.publicPath !== '') redirectBelow(page, options.publicPath)
      await page.register(swaggerUi, pageOptions(options.publicPath))
    })

    app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  },
  { name: 'openapi', fastify: '5.x' },
)

/** Adds PUBLIC_PATH to the redirects of Swagger UI, which knows only the path without it. */
function redirectBelow(page: FastifyInstance, publicPath: string): void {
  page.addHook('onSend', (_request, reply, _payload, done) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && location.startsWith('/')) reply.header('location', publicPath + location)
    done()
  })
}
