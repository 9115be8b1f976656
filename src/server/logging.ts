import type { FastifyRequest } from 'fastify'
import { type Logger, type LoggerOptions, pino } from 'pino'
import type { Config } from '../config/config.js'
import { codeOf } from '../lib/error-facts.js'
import { isDataException } from '../postgres/errors.js'
import { isForPeople, prettyDestination } from './pretty-log.js'

/**
 * Creates the log of the process. A process has only one, from start to exit.
 *
 * @param mixin the fields that each line gets
 */
export function startLog(
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  mixin?: () => object,
): Logger {
  const options = { ...loggerOptions(logLevel), ...(mixin && { mixin }) }
  return isForPeople(logFormat) ? pino(options, prettyDestination()) : pino(options)
}

/**
 * The log contains no headers, no bodies, no query strings, and no message of an error that quotes values. The
 * serializers are allow-lists. The redaction also covers objects that a log line passes without a serializer.
 */
export function loggerOptions(level: Config['logLevel']): LoggerOptions {
  return {
    level,
    redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    serializers: { req: describeRequest, res: describeReply, err: describeError },
    hooks: {
      // Without a message, pino uses that of the error, which can quote values that the serializer leaves out.
      logMethod(args, method) {
        const [first, message] = args as unknown[]
        const error = first instanceof Error ? first : (first as { err?: unknown } | undefined)?.err
        if (error instanceof Error && message === undefined) {
          const fields = first instanceof Error ? { err: first } : first
          return method.apply(this, [fields, 'error'] as unknown as typeof args)
        }
        return method.apply(this, args)
      },
    },
  }
}

const SECRET_PATHS = ['authorization', 'cookie', '["set-cookie"]'].flatMap(header => [
  header,
  ...['headers', 'req.headers', 'res.headers'].map(at => (header.startsWith('[') ? at + header : `${at}.${header}`)),
])

function describeRequest(request: FastifyRequest) {
  const { url } = request
  const queryAt = url.indexOf('?')
  return {
    method: request.method,
    url: queryAt === -1 ? url : url.slice(0, queryAt),
    remoteAddress: request.ip,
  }
}

function describeReply(reply: { statusCode: number }) {
  return { statusCode: reply.statusCode }
}

/** The logged fields of an error. It is an allow-list: drivers add queries, parameters and commands to their errors. */
export type ErrorDescription = {
  type: string
  code?: string
  message: string
  stack: string
  cause?: ErrorDescription
}

/**
 * Describes an error for the log without the values that it can quote: bound parameters (in Drizzle's messages), an
 * invalid value (in Postgres' messages of data exceptions), or the arguments of a Redis command.
 */
function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: '', stack: '' }
  const code = codeOf(error)
  const quotes = quotesValues(error)
  return {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    ...(code !== '' && { code }),
    message: quotes ? 'left out, as it quotes values' : error.message,
    stack: quotes ? framesOf(error.stack ?? '') : (error.stack ?? ''),
    ...(error.cause !== undefined && depth < 5 && { cause: describeError(error.cause, depth + 1) }),
  }
}

function quotesValues(error: Error): boolean {
  // An error with a query and its parameters is one of Drizzle.
  return ('query' in error && 'params' in error) || isDataException(error)
}

/** A stack begins with the message, which can have several lines. */
function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter(line => line.startsWith('    at '))
    .join('\n')
}
