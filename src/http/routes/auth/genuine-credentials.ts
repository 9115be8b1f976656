import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { type AccountNames, findAccount } from '../../../domain/accounts/find-account.js'
import type { AuthContext } from '../../../domain/context.js'
import { findKnownCaller, isDeviceCookie } from '../../../domain/login/lockout.js'
import { readRefreshToken } from '../../../domain/tokens/refresh-token.js'
import type { GenuineCredential } from '../../plugins/rate-limit.js'

/** A refresh token that this service made, valid or not. The tag proves it, so no store is read. */
export function genuineRefreshToken(
  { secrets }: Pick<AuthContext, 'secrets'>,
  tokensIn: (request: FastifyRequest) => readonly string[],
): GenuineCredential {
  return {
    holderName: 'one session',
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
 * The device cookie of a browser that signed in before to the same account. A cookie of another account does not count:
 * otherwise each sign-in to one's own account would give more attempts on all other accounts. Counted by the user, because
 * each sign-in issues a new cookie. The refusal does not tell whether it counted: it would show whose cookie it is.
 */
export function genuineDevice(context: AuthContext, namesIn: (body: unknown) => AccountNames): GenuineCredential {
  return {
    inBody: request => isDeviceCookie(context, request.deviceCookie()),
    async holder(request) {
      const deviceCookie = request.deviceCookie()
      if (request.body === undefined || !isDeviceCookie(context, deviceCookie)) return undefined
      // An existing row takes slightly longer to read than a missing one. The wait hides this, because 429 follows at once.
      const [user] = await Promise.all([findAccount(context, namesIn(request.body)), sleep(LOOKUP_MS)])
      return user && findKnownCaller(context, user.id, { deviceCookie }) && `user:${user.id}`
    },
  }
}
