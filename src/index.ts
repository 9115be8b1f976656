export type { Principal } from '@latchkey/verifier/core'
export { ConfigError } from './config/config-error.js'
export { type ErrorCode, LatchkeyError } from './lib/errors.js'
export { createLatchkey } from './library/create-latchkey.js'
export type {
  FastifyApplication,
  GuardedReply,
  GuardedRequest,
  GuardHook,
  Latchkey,
  LatchkeyLog,
  LatchkeyOptions,
  LatchkeyPlugin,
  LatchkeySettings,
  LogMethod,
  PendingVerifier,
  RevocationReceipt,
  SecurityEvent,
  SecurityEventListener,
  Session,
} from './library/types.js'
export type { SecurityEventType } from './postgres/security-event-types.js'
