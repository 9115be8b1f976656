import fastify from 'fastify'

// The least that a Fastify service does: one route, in a process of its own.
const app = fastify()
app.get('/', async () => ({ status: 'ok' }))
await app.listen({ host: '127.0.0.1', port: 0 })
process.send({ port: app.server.address().port })
process.on('disconnect', () => process.exit())
