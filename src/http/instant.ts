import { fieldError } from '../lib/errors.js'

/**
 * Reads a time with the format `date-time`. The schema accepts leap seconds, JavaScript does not; and an offset can move
 * a time out of the years 1 to 9999, which are those that Postgres reads in this form.
 *
 * @param field for the error
 * @throws LatchkeyError invalid_request
 */
export function readInstant(field: string, text: string): Date {
  const instant = new Date(text)
  const year = instant.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) throw fieldError('invalid_request', field, 'must be a time that exists')
  return instant
}
