import { ADMIN_ROLE, encodedRole, problemWithRole, ROLES_MAX_BYTES, sizeOfRole } from '@latchkey/verifier/core'
import { fieldError } from '../../lib/errors.js'
import { composedForm } from '../../lib/normalize.js'

/** Whether two lists contain the same roles. */
export function areSameRoles(some: readonly string[], others: readonly string[]): boolean {
  const wanted = new Set(others)
  return new Set(some).size === wanted.size && some.every(role => wanted.has(role))
}

/**
 * The normal form of roles, in which they are stored and compared: NFC, without duplicates. Not NFKC, because services
 * know a role by its name in the system that it came from.
 *
 * @throws LatchkeyError invalid_role if a role cannot be written in a header or a token, or all take too many bytes
 */
export function normaliseRoles(roles: readonly string[]): string[] {
  const normal = [...new Set(roles.map(composedForm))]
  for (const role of normal) {
    const problem = problemWith(role)
    if (problem !== undefined) throw fieldError('invalid_role', 'roles', problem.message, { detail: problem.detail })
  }
  const bytes = normal.reduce((sum, role) => sum + bytesOf(role), 0)
  if (bytes > ROLES_MAX_BYTES)
    throw fieldError('invalid_role', 'roles', `are too long: at most ${ROLES_MAX_BYTES} bytes together`, {
      detail: `The roles take ${bytes} bytes; the maximum is ${ROLES_MAX_BYTES}.`,
    })
  return normal
}

/**
 * The normal form of one role.
 *
 * @throws LatchkeyError invalid_role if no account can have it
 */
export function roleNamed(name: string): string {
  const role = composedForm(name)
  if (sizeOfRole(role) > ROLES_MAX_BYTES)
    throw fieldError('invalid_role', 'role', RULE.message, { detail: RULE.detail })
  return role
}

function bytesOf(role: string): number {
  return encodedRole(role).length + 3
}

/** Why a role is invalid: a sentence, and the end of a sentence that begins with the field. */
interface RoleProblem {
  detail: string
  message: string
}

const ALLOWED = 'letters, digits, symbols, punctuation except commas, and single spaces between them'
const RULE: RoleProblem = { detail: `Use ${ALLOWED}.`, message: `can contain only ${ALLOWED}` }
const NOT_QUITE_ADMIN: RoleProblem = {
  detail: `A role that looks like ${ADMIN_ROLE} must be spelt exactly ${ADMIN_ROLE}.`,
  message: `contain a role that looks like ${ADMIN_ROLE}: spell it exactly ${ADMIN_ROLE}`,
}

/** Undefined if the role is valid. */
function problemWith(role: string): RoleProblem | undefined {
  const problem = problemWithRole(role)
  return problem && { characters: RULE, looks_like_admin: NOT_QUITE_ADMIN }[problem]
}
