import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { type AccountNames, findAccount } from '../../../domain/accounts/find-account.js'
import type { AuthContext } from '../../../domain/context.js'
import { isDeviceCookie, knownCaller } from '../../../domain/login/lockout.js'
import { readRefreshToken } from '../../../domain/tokens/refresh-token.js'
import type { GenuineCredential } from '../../plugins/rate-limit.js'

/** A refresh token that this service made, live or not: the tag tells, so that no store is asked. */
export function genuineRefreshToken(
  { secrets }: Pick<AuthContext, 'secrets'>,
  tokensIn: (request: FastifyRequest) => readonly string[],
): GenuineCredential {
  return {
    holder(request) {
      for (const text of tokensIn(request)) {
        const token = readRefreshToken(text, secrets.refreshKeys)
        if (token) return `session:${token.sessionId}`
      }
      return undefined
    },
  }
}

const LOOKUP_MS = 20

/**
 * The cookie of a browser that signed in before to the very account that it names now. One of another account counts
 * for nothing: anyone who has an account would have more attempts on all others with each sign-in to their own. It counts
 * by the user, because each sign-in gives another cookie.
 */
export function genuineDevice(context: AuthContext, namesIn: (body: unknown) => AccountNames): GenuineCredential {
  return {
    inBody: request => isDeviceCookie(context, request.deviceCookie()),
    async holder(request) {
      const deviceCookie = request.deviceCookie()
      if (request.body === undefined || !isDeviceCookie(context, deviceCookie)) return undefined
      // A row that is there takes a moment longer to read than none. The wait covers it, as a refusal follows at once.
      const [user] = await Promise.all([findAccount(context, namesIn(request.body)), sleep(LOOKUP_MS)])
      return user && knownCaller(context, user.id, { deviceCookie }) && `user:${user.id}`
    },
  }
}
