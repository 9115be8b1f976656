import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { rateLimit } from '../../src/http/plugins/rate-limit.js'
import { LatchkeyError } from '../../src/lib/errors.js'
import type { Counters } from '../../src/redis/counters.js'

export interface RateLimitedApp {
  app: FastifyInstance
  /** Sends a request from this address and returns its status. */
  from(ip: string, headers?: Record<string, string>): Promise<number>
}

/** Rate-limited routes `/login`, `/refresh` and `/bearer` (which reads credentials), and `/verify` without a limit. */
export async function rateLimitedApp(
  t: Test,
  ephemeral: Counters,
  { perAddressPerMinute = 3, enabled = true, trustProxy = false as string[] | false } = {},
): Promise<RateLimitedApp> {
  const app = Fastify({ trustProxy })
  t.teardown(() => app.close())
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof LatchkeyError)) throw error
    if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds)
    return reply.code(error.status).send({ code: error.code, detail: error.detail })
  })
  await app.register(rateLimit, {
    ephemeral,
    rateLimit: { enabled, perAddressPerMinute, failuresPerAccountPerMinute: 10 },
  })
  app.post('/login', { config: { ...app.limits.perAddress } }, async () => 'in')
  app.post('/refresh', { config: { ...app.limits.perAddress } }, async () => 'again')
  const holder = ({ headers: { authorization = '' } }: FastifyRequest) => {
    if (authorization === 'refused') throw new LatchkeyError('token_invalid')
    if (authorization === 'broken') throw new Error('the store is away')
    return authorization === '' ? undefined : authorization
  }
  app.post(
    '/bearer',
    { config: { ...app.limits.perAddress, genuine: { holder, holderName: 'one session' } } },
    async () => 'good',
  )
  app.get('/verify', async () => 'good')
  return {
    app,
    from: async (remoteAddress, headers = {}) =>
      (await app.inject({ method: 'POST', url: '/login', remoteAddress, headers })).statusCode,
  }
}
