import { messageOf } from '../lib/error-facts.js'

/** Whether Redis is unavailable, read-only or did not answer in time, so that a retry soon makes sense. */
export function isRedisUnavailable({ name, message }: Error): boolean {
  return UNAVAILABLE_NAMES.has(name) || UNAVAILABLE_MESSAGES.some(start => message.startsWith(start))
}

const UNAVAILABLE_NAMES = new Set(['MaxRetriesPerRequestError', 'ClusterAllFailedError'])

/** The messages of ioredis when a client was closed, and when a command got no answer in time. */
export const CONNECTION_CLOSED = 'Connection is closed.'
export const COMMAND_TIMED_OUT = 'Command timed out'

/** ioredis and Redis distinguish these by their message only. */
const UNAVAILABLE_MESSAGES = [
  CONNECTION_CLOSED,
  COMMAND_TIMED_OUT,
  "Stream isn't writeable and",
  'LOADING ',
  'READONLY ',
  'MASTERDOWN ',
  'CLUSTERDOWN ',
]

/** Whether the server is no longer the master: after a failover a connection may still lead to the former master. */
export function isFormerMaster({ message }: Error): boolean {
  return /READONLY|MASTERDOWN/.test(message)
}

/** Whether a command was rejected because the key holds a value of another type. */
export function isWrongType(error: unknown): boolean {
  return messageOf(error).startsWith('WRONGTYPE')
}

/** Also of a command within a script, for which Redis has other words, and before 7.2 does not name the command. */
export function isDenied(error: unknown): boolean {
  return /^NOPERM|ACL failure|user executing the script/.test(messageOf(error))
}

/** Whether Redis has no memory left, too few replicas, or cannot save: it answers, but takes no writes. */
export function isRefusedWrite(error: unknown): boolean {
  return /^(OOM|NOREPLICAS|MISCONF)\b|command not allowed when used memory|not enough good replicas/i.test(
    messageOf(error),
  )
}
