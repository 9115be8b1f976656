import type { FastifyReply } from 'fastify'
import type { Config } from '../../../config/config.js'
import type { ErrorCode, LatchkeyError } from '../../../lib/errors.js'
import { setErrorHeaders } from '../../errors/problem.js'
import { languageOf } from '../../language.js'
import { setLanguageHeaders } from './language.js'
import { type Language, messages } from './messages/messages.js'
import type { Done } from './messages/sentences.js'

/** How names of fields with several words are written: `access_token` or `accessToken`. */
export type Spelling = 'snake' | 'camel'

/** Writes our name of a field in the spelling of the API. */
export function spell(name: string, spelling: Spelling): string {
  return spelling === 'snake' ? name : name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** The same for all fields of an object. */
export function spellFields(fields: Readonly<Record<string, unknown>>, spelling: Spelling): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [spell(name, spelling), value]))
}

/** The body of a successful answer. */
export interface Success {
  success: true
  message: string
  data: Record<string, unknown> | null
}

export function success(reply: FastifyReply, done: Done, data: Success['data']): Success {
  return { success: true, message: messages[languageOf(reply.request)].done[done], data }
}

/** The settings that the texts of errors depend on. */
export type FailureOptions = Pick<Config, 'envelope' | 'passwordMinLength'>

/** Sends an error in the envelope, with the headers that its status requires. */
export function sendFailure(reply: FastifyReply, error: LatchkeyError, options: FailureOptions): FastifyReply {
  reply.code(error.status).type('application/json')
  setErrorHeaders(reply, error)
  if (error.status === 401)
    reply.header('www-authenticate', error.code.startsWith('token_') ? 'Bearer error="invalid_token"' : 'Bearer')
  const language = languageOf(reply.request)
  setLanguageHeaders(reply, language)
  const message = sentence(error, language, options)
  const errors = fieldErrors(error, message, language, options)
  // A string is not serialised by the route's response schemas.
  return reply.send(JSON.stringify({ success: false, message, code: error.code, ...(errors && { errors }) }))
}

function sentence({ code, retryAfterSeconds = 1 }: LatchkeyError, language: Language, options: FailureOptions): string {
  return messages[language].errors[code]
    .replace('{minLength}', String(options.passwordMinLength))
    .replace('{wait}', duration(retryAfterSeconds, language))
}

/** In whole seconds; in minutes if there are many. Never less than the time. */
function duration(seconds: number, language: Language): string {
  const [value, unit] = seconds > 120 ? [seconds / 60, 'minute'] : [Math.max(seconds, 1), 'second']
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(value))
}

/** The fields with their problems; for an error about one field, the sentence of the error itself. */
function fieldErrors(
  { code, errors }: LatchkeyError,
  message: string,
  language: Language,
  { envelope }: FailureOptions,
): { field: string; message: string }[] | undefined {
  const known = FIELDS[code]
  const fields = errors ?? (known === undefined ? undefined : [{ field: known, message }])
  const texts: Readonly<Record<string, string>> = messages[language].fields
  return fields?.map(({ field, message: problem }) => ({
    field: spell(field, envelope.spelling),
    message: code === 'invalid_request' ? (texts[problem] ?? problem) : message,
  }))
}

const FIELDS: Partial<Record<ErrorCode, string>> = {
  invalid_email: 'email',
  email_taken: 'email',
}
