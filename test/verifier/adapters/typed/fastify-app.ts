import { createVerifier, type Principal } from '@latchkey/verifier'
import latchkey, {
  authenticate,
  authenticateOptional,
  createGuards,
  requireRecentAuth,
  requireRole,
} from '@latchkey/verifier/fastify'
import Fastify from 'fastify'

const verifier = createVerifier({ issuer: 'https://auth.example.com' })
const app = Fastify()
await app.register(latchkey, { verifier, cookie: '__Host-latchkey-at', errors: 'throw' })
app.addHook('onRequest', authenticate)
app.get('/', { onRequest: [authenticate, requireRole('editor', 'admin')] }, request => {
  const { userId }: Principal = request.principal
  return userId
})
app.get<{ Params: { id: string } }>('/:id', { preHandler: requireRecentAuth(300) }, async (request, reply) =>
  reply.send(request.params.id),
)
app.get('/open', { onRequest: authenticateOptional }, request => request.principal.roles)
// @ts-expect-error: nobody has none of no roles
requireRole()
// @ts-expect-error: the plugin needs a verifier
await app.register(latchkey, { cookie: '__Host-latchkey-at' })
app.get('/guards', { onRequest: createGuards(verifier).requireRole('editor') }, async () => 'x')
