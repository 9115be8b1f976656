/**
 * A service with one route, which verifies tokens in one of the ways of this folder.
 *
 *     PORT=3006 node serve.mjs jose
 */
import express from 'express'
import { bearer } from './answers.mjs'

const { authenticate, verifyAccessToken } = await import(`./${process.argv[2] ?? 'jose'}.mjs`)

const app = express()
app.get('/me', authenticate ?? bearer(verifyAccessToken), ({ claims }, response) => {
  response.json({ user: claims.sub, session: claims.sid, roles: claims.roles })
})
const server = app.listen(process.env.PORT ?? 3006, '127.0.0.1', () =>
  console.log(`ready at http://localhost:${server.address().port}`),
)
