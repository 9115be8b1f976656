import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { startExampleProcess } from '../examples/example-process.js'
import { startNodeService } from '../examples/node-services.js'
import { until } from './eventually.js'
import { findPython } from './find-python.js'

/** An example that verifies tokens itself and follows the revocations. */
export interface FollowingService {
  name: string
  url: string
}

const PYTHON_SERVICE = resolve(import.meta.dirname, '../../examples/python-service/service.py')

/**
 * Starts the examples with Fastify, Express and Python (with `node:http` where no Python has PyJWT), which follow the
 * instances in turn, and waits until each accepts a token.
 *
 * @param env the issuer and the client of the services
 * @param instances the addresses of the instances of Latchkey
 * @param accessToken of a session that stays
 */
export async function startThreeServices(
  t: Test,
  { env, instances, accessToken }: { env: NodeJS.ProcessEnv; instances: readonly string[]; accessToken: string },
): Promise<FollowingService[]> {
  const python = await findPython('jwt, cryptography')
  const start = [
    (more: NodeJS.ProcessEnv) => startNodeService(t, 'fastify-service', more),
    (more: NodeJS.ProcessEnv) => startNodeService(t, 'express-service', more),
    (more: NodeJS.ProcessEnv) =>
      python === undefined
        ? startNodeService(t, 'http-service', more)
        : startExampleProcess(t, python, [PYTHON_SERVICE], more),
  ]
  const names = ['Fastify', 'Express', python === undefined ? 'node:http' : 'Python']
  return Promise.all(
    names.map(async (name, index) => {
      const { url, output } = await start[index]!({ ...env, LATCHKEY_URL: instances[index % instances.length] })
      await until(async () => (await verdictOf({ name, url }, accessToken)) === 200, `${name} is ready: ${output()}`)
      return { name, url }
    }),
  )
}

/** The status of a token at a service, or the code of the refusal. */
export async function verdictOf({ url }: FollowingService, accessToken: string): Promise<number | string> {
  const answer = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
  const { code } = (await answer.json()) as { code?: string }
  return answer.status === 200 ? 200 : code!
}

/** Nothing here takes this long, unless the revocation was lost. */
const TIMEOUT_MS = 15_000

/**
 * Revokes a token and asks every service until it refuses it.
 *
 * @param revoke resolves with the answer, that the token is revoked
 * @returns for each service, the milliseconds from that answer to the first refusal; 0 if it was refused before
 */
export async function delaysOf(
  services: readonly FollowingService[],
  accessToken: string,
  revoke: () => Promise<unknown>,
): Promise<number[]> {
  const revoked = revoke().then(() => performance.now())
  const refused = services.map(async service => {
    const startedAt = performance.now()
    for (;;) {
      const verdict = await verdictOf(service, accessToken)
      if (verdict === 'token_revoked') return performance.now()
      if (verdict !== 200) throw new Error(`${service.name} answers ${verdict} to a token that is valid or revoked`)
      if (performance.now() - startedAt > TIMEOUT_MS) throw new Error(`${service.name} has not learnt of a revocation`)
      await sleep(1)
    }
  })
  const [answeredAt, ...refusedAt] = await Promise.all([revoked, ...refused])
  return refusedAt.map(at => Math.max(0, at - answeredAt))
}

/** The middle value, and the largest. */
export function medianAndWorst(delays: readonly number[]): { median: number; worst: number } {
  const sorted = [...delays].sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)]!, worst: sorted.at(-1)! }
}
