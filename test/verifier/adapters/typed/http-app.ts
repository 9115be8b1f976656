import { createServer } from 'node:http'
import { createVerifier, type Principal } from '@latchkey/verifier'
import {
  answerRefusal,
  authenticateRequest,
  refuseUpgrade,
  requireRecentAuth,
  requireRole,
} from '@latchkey/verifier/http'

const verifier = createVerifier({ issuer: 'https://auth.example.com' })
const server = createServer(async (request, response) => {
  try {
    const principal: Principal = await authenticateRequest(verifier, request, { response })
    requireRole(principal, 'editor')
    requireRecentAuth(verifier, principal, 300)
    const visitor = await authenticateRequest(verifier, request, { optional: true })
    response.end(visitor?.userId)
    // @ts-expect-error: a visitor can have no principal
    response.end(visitor.userId)
  } catch (error) {
    answerRefusal(response, error)
  }
})
server.on('upgrade', (request, socket) => {
  authenticateRequest(verifier, request).catch(error => refuseUpgrade(socket, error))
})
