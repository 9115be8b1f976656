import { createVerifier, VerifierError } from '@latchkey/verifier'
import { authenticate, requireRecentAuth, requireRole } from '@latchkey/verifier/express'
import express from 'express'

const verifier = createVerifier({ issuer: 'https://auth.example.com' })
const app = express()
app.use(authenticate(verifier, { errors: 'next' }))
app.get('/:id', requireRole('editor'), requireRecentAuth(300), (request, response) => {
  const userId: string | undefined = request.principal?.userId
  response.json({ userId, id: request.params.id })
})
const orders = express.Router()
orders.use(
  authenticate(verifier, { optional: true, cookie: '__Host-latchkey-at', origins: ['https://app.example.com'] }),
)
app.use(((error, _request, response, next) => {
  if (error instanceof VerifierError) response.status(error.status).json({ code: error.code })
  else next(error)
}) satisfies express.ErrorRequestHandler)
// @ts-expect-error: without a list, only true and false are meant
authenticate(verifier, { errors: 'ignore' })
