import type { VerifierOptions } from '@latchkey/verifier'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { makeClient, type TestClient } from '../../support/clients.js'
import { listen } from '../../support/raw-request.js'
import { startVerifier, type TestVerifier } from '../verifiers.js'

/** Has this instance listen, and follows its feed with a client of its own. */
export async function followService(
  t: Test,
  { app, config }: { app: FastifyInstance; config: { issuer: string } },
  options: Partial<VerifierOptions> = {},
): Promise<{ verifier: TestVerifier; client: TestClient; url: string }> {
  const client = await makeClient(app, 'revocations')
  const url = `http://127.0.0.1:${await listen(app)}`
  const verifier = startVerifier(t, {
    issuer: config.issuer,
    baseUrl: url,
    client: { id: client.id, secret: client.secret },
    ...options,
  })
  await verifier.ready()
  return { verifier, client, url }
}
