import type { ErrorCode } from '../../../../lib/errors.js'

/**
 * The sentences of one language, for people. `{wait}` stands for the time until a retry makes sense, `{minLength}` for the
 * least number of characters of a password.
 */
export interface Messages {
  /** What was done. */
  done: Readonly<Record<Done, string>>
  /** What went wrong and what the person can do, for every code of the catalogue. */
  errors: Readonly<Record<ErrorCode, string>>
  /** What is wrong with a field. */
  fields: Readonly<Record<FieldProblem, string>>
}

export type Done = 'registered' | 'letter_sent' | 'signed_in' | 'refreshed' | 'signed_out' | 'profile'

export type FieldProblem = 'required' | 'not_text' | 'not_boolean' | 'too_long' | 'bad_characters' | 'given_twice'
