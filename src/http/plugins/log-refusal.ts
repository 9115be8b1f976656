import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { LatchkeyError } from '../../lib/errors.js'

/** Notes a refusal. The serializer of the log (logger-options.ts) leaves out what the cause may quote. */
export function logRefusal(
  log: FastifyBaseLogger,
  { id: reqId }: FastifyRequest,
  { code, status, cause }: LatchkeyError,
): void {
  const fields = cause === undefined ? { reqId, code } : { reqId, code, err: cause }
  if (status < 500) log.debug({ reqId, code }, 'request refused')
  else if (status === 500) log.error(fields, 'request failed')
  else log.warn(fields, 'request refused')
}
