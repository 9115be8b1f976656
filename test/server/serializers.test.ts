import Fastify from 'fastify'
import t from 'tap'
import { serializers } from '../../src/server/fastify-options.js'

t.test('a schema is compiled once for all apps, but its references resolve to the schemas of its own app', async t => {
  const answers: string[] = []
  for (const type of ['string', 'integer', 'string']) {
    const app = Fastify({ schemaController: { compilersFactory: { buildSerializer: serializers } } })
    app.addSchema({ $id: 'Shared', type })
    const response = { 200: { type: 'object', properties: { value: { $ref: 'Shared#' } } } }
    app.get('/', { schema: { response } }, async () => ({ value: '7', other: 'left out' }))
    answers.push((await app.inject('/')).body)
    await app.close()
  }
  t.same(answers, ['{"value":"7"}', '{"value":7}', '{"value":"7"}'])

  const compile = serializers({}, {})
  const route = () => ({ method: 'GET', url: '/', httpStatus: '200', schema: { type: 'object', properties: {} } })
  t.equal(compile(route()), compile(route()))
  t.equal(compile(route()), serializers({}, {})(route()), 'the same serializer for another app')
})
