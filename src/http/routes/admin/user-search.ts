import type { UserSearch } from '../../../domain/accounts/find-users.js'
import { LatchkeyError } from '../../../lib/errors.js'

const SEARCH_FIELDS = { email: 'email', username: 'username', external_id: 'externalId' } as const

/**
 * Reads the search of `GET /admin/users`: at most one name, because the meaning of two would be ambiguous.
 *
 * @throws LatchkeyError invalid_request
 */
export function searchOf(names: Partial<Record<string, string>>): UserSearch | undefined {
  const asked = Object.entries(SEARCH_FIELDS).flatMap(([name, field]) =>
    [name, `${name}_prefix`].flatMap(parameter => {
      const text = names[parameter]
      return text === undefined ? [] : [{ field, text, isPrefix: parameter !== name }]
    }),
  )
  if (asked.length > 1) {
    const errors = Object.keys(names).map(field => ({ field, message: 'cannot be combined with another name' }))
    throw new LatchkeyError('invalid_request', { detail: 'Search for one name at a time.', errors })
  }
  return asked[0]
}
