import { randomUUID } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { clientToken, makeClient, type TestClient } from '../support/clients.js'
import { post } from '../support/people.js'
import { LEASE_SECONDS } from './registered-verifiers.js'

/** A registered verifier that a test confirms for, without the feed. */
export interface VerifierOverHttp {
  verifierId: string
  connectionId: string
  client: TestClient
  authorization: string
  report(body: object): Promise<LightMyRequestResponse>
  /** Confirms everything that is committed now. */
  confirm(): Promise<LightMyRequestResponse>
}

export async function registerVerifier(
  app: FastifyInstance,
  {
    name = 'orders',
    maxStalenessSeconds = 30,
    client,
  }: { name?: string; maxStalenessSeconds?: number; client?: TestClient } = {},
): Promise<VerifierOverHttp> {
  const owner = client ?? (await makeClient(app, 'revocations'))
  const authorization = `Bearer ${await clientToken(app, owner)}`
  const connection = { verifierId: randomUUID(), connectionId: randomUUID(), clientId: owner.id }
  const { db } = app.context
  await db.verifiers.register(
    [{ ...connection, name, maxStalenessSeconds, instance: 'a', ageSeconds: 0 }],
    LEASE_SECONDS,
  )
  const report = (body: object) =>
    post(app, '/auth/activity', { verifier: connection.verifierId, ...body }, { authorization })
  return {
    ...connection,
    client: owner,
    authorization,
    report,
    confirm: async () => report({ position: await presentPosition(app) }),
  }
}

export async function presentPosition(app: FastifyInstance): Promise<string> {
  const [present] = await app.context.db.receipts.readTargets([])
  return `${present!.serverStart}/${present!.snapshot}`
}
