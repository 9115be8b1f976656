import { ADMIN_ROLE } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import { composedForm } from '../../lib/normalize.js'
import { normaliseRoles } from '../accounts/roles.js'
import { ImportError } from './import-error.js'

/**
 * Maps the roles that an account has in another system to roles here, which are not yet checked.
 *
 * @throws ImportError for roles that the operator must decide about
 */
export type RoleMapping = (roles: readonly string[]) => readonly string[]

/** Without a mapping, roles are imported unchanged, even `admin`. */
export const keepRoles: RoleMapping = roles => roles

/**
 * Reads a mapping: a JSON object that maps a role of the other system to one role here, to a list of roles, or to null,
 * which removes it. A role that is not in it is imported unchanged, except `admin`: an administrator of another system
 * is an administrator here only if the mapping says so.
 *
 * @throws Error that says what is wrong, for the operator
 */
export function readRoleMapping(json: string): RoleMapping {
  const mapped = new Map<string, readonly string[]>()
  for (const [name, value] of Object.entries(parse(json))) {
    const role = composedForm(name)
    if (mapped.has(role)) throw new Error(`${JSON.stringify(name)} appears twice, in two Unicode forms.`)
    mapped.set(role, rolesOf(name, value))
  }
  return roles =>
    roles.flatMap(name => {
      const role = composedForm(name)
      const here = mapped.get(role)
      if (here === undefined && role === ADMIN_ROLE) throw new ImportError(UNDECIDED)
      return here ?? [role]
    })
}

const UNDECIDED =
  'The role admin is not in the role mapping: map it to "admin" to make administrators, to another role, or to null.'

function parse(json: string): object {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new Error('it is not JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is not a JSON object.')
  return value
}

function rolesOf(name: string, value: unknown): readonly string[] {
  const given = value === null ? [] : [value].flat()
  if (!given.every(role => typeof role === 'string'))
    throw new Error(`${JSON.stringify(name)} must be mapped to a text, a list of texts, or null.`)
  try {
    return normaliseRoles(given)
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    throw new Error(`${JSON.stringify(name)} is mapped to an invalid role. ${error.detail}`)
  }
}
