import type { IncomingHttpHeaders } from 'node:http'
import type { Principal } from '@latchkey/verifier/core'
import type { SecurityEventType } from '../postgres/security-event-types.js'

// These types are a contract with the applications that contain Latchkey, and are described in docs/fastify.md. They use
// no type of another package, so that any copy of Fastify 5 fits and an application compiles without skipLibCheck.

/**
 * The settings by the names of their environment variables; docs/configuration.md describes each of them. A number or a
 * boolean is read as its text: `PORT: 3000`, `RATE_LIMIT: false`.
 */
export interface LatchkeySettings {
  readonly [variable: string]: string | number | boolean | undefined
}

/** What `createLatchkey` accepts. */
export interface LatchkeyOptions {
  /**
   * The settings, instead of `process.env`. No other variable is read then, except NODE_ENV, which is taken from
   * `process.env` unless it is set here.
   */
  readonly settings?: LatchkeySettings
  /** Receives the lines of Latchkey: usually `app.log`. By default they go to standard output, at LOG_LEVEL. */
  readonly log?: LatchkeyLog
  /** Called with every security event; see {@link Latchkey.on}. */
  readonly onEvent?: SecurityEventListener
}

/** Latchkey, ready to be registered in a Fastify application. */
export interface Latchkey {
  /**
   * Serves the routes of Latchkey: `await app.register(latchkey.plugin)`. The application closes Latchkey when it is
   * closed. Adds `request.principal`, which is null until a guard has set it.
   */
  readonly plugin: LatchkeyPlugin

  /**
   * The hook of routes for signed-in users: `{ onRequest: latchkey.authenticate }`. Sets `request.principal`; or throws
   * a {@link LatchkeyError} with its status, so that the error handler of the application answers.
   */
  readonly authenticate: GuardHook

  /** As `authenticate`, for users who have one of these roles. Others get the error `insufficient_role`, 403. */
  requireRole(role: string, ...others: readonly string[]): GuardHook

  /**
   * Returns the principal of an access token, from wherever it came.
   *
   * @throws LatchkeyError token_invalid (also if the argument is not a text), token_expired, token_revoked, token_stale, revocations_stale
   */
  verify(accessToken: string): Promise<Principal>

  /**
   * The live sessions of a user, the newest first.
   *
   * @throws LatchkeyError user_not_found
   */
  listSessions(userId: string): Promise<Session[]>

  /**
   * Revokes one session of a user. Its tokens are refused by this process at once, by the others within milliseconds.
   *
   * @param actor who revoked it, for the event; by default `application`
   * @throws LatchkeyError user_not_found, session_not_found
   */
  revokeSession(userId: string, sessionId: string, actor?: string): Promise<void>

  /**
   * Revokes every session of a user. The user can sign in again.
   *
   * @param actor who signed the user out, for the event; by default `application`
   * @throws LatchkeyError user_not_found
   */
  signOutUser(userId: string, actor?: string): Promise<void>

  /**
   * Waits until every service that follows the revocations has applied what was revoked before, at most this long
   * (docs/receipts.md).
   *
   * @param seconds 0 to 600
   */
  waitForVerifiers(seconds: number): Promise<RevocationReceipt>

  /**
   * Calls the listener with every security event of this type, or of every type with `*`, that this process wrote: after
   * its commit, once, in order. The next event waits until the promise of the listener has settled, at most 10 seconds.
   * An error of the listener is logged and changes no answer.
   *
   * @returns a function that removes the listener
   */
  on<Type extends SecurityEventType>(type: Type, listener: SecurityEventListener<Type>): () => void
  on(type: '*', listener: SecurityEventListener): () => void

  /**
   * Ends the work in the background, delivers the last events, and closes the connections to Postgres and Redis. The
   * application calls it when it is closed; call it yourself if the plugin was not registered. Can be called repeatedly.
   */
  close(): Promise<void>
}

/** The plugin for `app.register`. Its `prefix` must be the end of PUBLIC_PATH; by default it is PUBLIC_PATH. */
export type LatchkeyPlugin = (app: FastifyApplication, options: { prefix?: string }) => Promise<void>

/** The part of a Fastify instance by which the compiler recognises one. */
export interface FastifyApplication {
  readonly version: string
  readonly prefix: string
}

/** A hook for `onRequest`, `preValidation` or `preHandler` of a route, or for `addHook`. */
export type GuardHook = (request: GuardedRequest, reply: GuardedReply, done: (error?: Error) => void) => void

/** The part of a request that a guard reads. */
export interface GuardedRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

/** The part of a reply that a guard uses. */
export interface GuardedReply {
  header(name: string, value: string): unknown
}

/** A security event; docs/events.md describes every type and its details. */
export interface SecurityEvent<Type extends SecurityEventType = SecurityEventType> {
  readonly id: string
  readonly type: Type
  readonly at: Date
  readonly userId: string | undefined
  readonly sessionId: string | undefined
  /** `user`, `system`, `cli`, `application`, or the id of a client or administrator. */
  readonly actor: string
  readonly ip: string | undefined
  readonly userAgent: string | undefined
  /** The id of the request that caused it, which is that of the application: `request.id`. */
  readonly requestId: string | undefined
  readonly details: Readonly<Record<string, unknown>>
}

/** Receives security events. */
export type SecurityEventListener<Type extends SecurityEventType = SecurityEventType> = (
  event: SecurityEvent<Type>,
) => unknown

/** A live session of a user. */
export interface Session {
  readonly id: string
  /** The name that the user gave to it. */
  readonly label: string | null
  readonly device: { readonly browser: string | null; readonly os: string | null; readonly kind: string }
  readonly ip: string | null
  readonly createdAt: Date
  readonly lastActiveAt: Date
  /** When it ends if it is not refreshed. */
  readonly idleExpiresAt: Date
  /** When it ends in any case. */
  readonly expiresAt: Date
}

/** Whether other services have applied what was revoked. */
export interface RevocationReceipt {
  /** `complete`: none of them accepts the tokens. `unknown`: Latchkey could not find out. */
  readonly status: 'complete' | 'pending' | 'unknown'
  /** How many have not confirmed it. */
  readonly total: number
  /** Which ones; at most 50. */
  readonly verifiers: readonly PendingVerifier[]
}

/** A process of another service that has not confirmed a revocation. */
export interface PendingVerifier {
  readonly id: string
  readonly name: string
  /** Null if the client was removed. */
  readonly clientId: string | null
  readonly clientName: string | null
  readonly confirmedAt: Date | null
  /** When its connection ended; null while it is connected. */
  readonly disconnectedAt: Date | null
  /** From then on it refuses every token, unless it is connected until then. */
  readonly liveUntil: Date
}

/** The part of a logger that Latchkey uses. `app.log` and every pino logger have it. */
export interface LatchkeyLog {
  level: string
  fatal: LogMethod
  error: LogMethod
  warn: LogMethod
  info: LogMethod
  debug: LogMethod
  trace: LogMethod
  silent: LogMethod
  // biome-ignore lint/suspicious/noExplicitAny: each logger has its own options of a child.
  child(bindings: any, options?: any): LatchkeyLog
}

/** Logs fields and a message, or only a message. */
export interface LogMethod {
  (fields: object, message?: string): void
  (message: string): void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `latchkey.authenticate`; null on routes without it. */
    principal: Principal
  }
}
