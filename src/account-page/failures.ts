import { AuthError } from '@latchkey/client'
import { passwordMinLength } from './page.js'
import * as texts from './texts/en.js'
import { durationWords } from './words.js'

/** What a person reads after a request that failed. */
export interface Failure {
  /** What is wrong as a whole; always there if no field is wrong. */
  message?: string
  /** What is wrong with a field, by its name. */
  fields: Record<string, string>
}

/** What is wrong with a field of a form, found without the service or said better than by it. */
export class FieldError extends Error {
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message)
  }
}

/** Whether the service refused a request with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof AuthError && error.code === code
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof FieldError) return { fields: { [error.field]: error.message } }
  if (!(error instanceof AuthError))
    return { message: isOfNetwork(error) ? texts.offline : texts.unexpected, fields: {} }
  const { status, code, problem, retryAfterSeconds } = error
  if (status === 429) return { message: texts.wait(durationWords(retryAfterSeconds || 60)), fields: {} }
  if (status >= 500) return { message: texts.unavailable, fields: {} }
  const known = (texts.errors as Record<string, string | undefined>)[code]
  const text = known?.replace('{min}', String(passwordMinLength))
  const fields = Object.fromEntries(
    error.errors.map(({ field, message }) => [field, text ?? `${problem.title ?? ''} (${field} ${message})`]),
  )
  if (error.errors.length > 0) return { fields }
  // The operator's own words, if there are any.
  if (code === 'registration_refused' && problem.detail) return { message: problem.detail, fields }
  return { message: text ?? problem.title ?? texts.unexpected, fields }
}

/** Whether the same request can succeed later, without a change. */
export function isOutage(error: unknown): boolean {
  return isOfNetwork(error) || (error instanceof AuthError && error.status >= 500)
}

function isOfNetwork(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError')
}
