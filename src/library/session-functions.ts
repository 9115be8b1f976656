import type { AuthContext } from '../domain/context.js'
import { endSessionOfUser, endSessionsOfUser, sessionsOfUser } from '../domain/sessions/manage-sessions.js'
import { LatchkeyError } from '../lib/errors.js'
import { isUuid } from '../lib/ids.js'
import type { Latchkey } from './types.js'

/**
 * The functions for the sessions of a user. An application without types can pass anything, so they check what they get:
 * Postgres would answer with an error of its own.
 */
export function createSessionFunctions(
  context: AuthContext,
  isClosed: () => boolean,
): Pick<Latchkey, 'listSessions' | 'revokeSession' | 'signOutUser' | 'waitForVerifiers'> {
  function requireOpen(): void {
    if (isClosed()) throw new Error('Latchkey is closed: its connections to Postgres and Redis have ended.')
  }

  function requireUser(userId: unknown): void {
    requireOpen()
    if (!isId(userId)) throw new LatchkeyError('user_not_found')
  }

  return {
    async listSessions(userId) {
      requireUser(userId)
      const sessions = await sessionsOfUser(context, userId)
      return sessions.map(({ id, label, device, ip, createdAt, lastActiveAt, idleExpiresAt, expiresAt }) => {
        return { id, label, device, ip, createdAt, lastActiveAt, idleExpiresAt, expiresAt }
      })
    },
    async revokeSession(userId, sessionId, actor) {
      requireUser(userId)
      if (!isId(sessionId)) throw new LatchkeyError('session_not_found')
      await endSessionOfUser(context, userId, sessionId, actorOf(actor))
    },
    async signOutUser(userId, actor) {
      requireUser(userId)
      await endSessionsOfUser(context, userId, actorOf(actor))
    },
    async waitForVerifiers(seconds) {
      requireOpen()
      if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= MAX_WAIT_SECONDS))
        throw new TypeError(`seconds must be a number from 0 to ${MAX_WAIT_SECONDS}.`)
      const receipt = await context.receipts.wait(seconds)
      if (receipt.is !== 'pending') return { status: receipt.is, total: 0, verifiers: [] }
      const verifiers = receipt.verifiers.map(verifier => {
        const { id, name, clientId, clientName, confirmedAt, disconnectedAt, liveUntil } = verifier
        return { id, name, clientId, clientName, confirmedAt, disconnectedAt, liveUntil }
      })
      return { status: 'pending', total: receipt.total, verifiers }
    },
  }
}

const MAX_WAIT_SECONDS = 600

function isId(value: unknown): value is string {
  return typeof value === 'string' && isUuid(value)
}

/** The actor in the events of what the application does itself. */
const ACTOR = 'application'
const ACTOR_MAX_LENGTH = 200

/** The name of an administrator is often that of a principal, which is missing on a route without a guard. */
function actorOf(actor: unknown): string {
  if (actor === undefined || actor === null || actor === '') return ACTOR
  if (typeof actor !== 'string' || actor.length > ACTOR_MAX_LENGTH || actor.includes('\0'))
    throw new TypeError(`actor must be a text of at most ${ACTOR_MAX_LENGTH} characters, without NUL.`)
  return actor
}
