import { LatchkeyError } from '../../lib/errors.js'
import { composedForm } from '../../lib/normalize.js'
import { ADMIN_ROLE, normaliseRoles } from '../accounts/roles.js'
import { ImportError } from './import-error.js'

/**
 * The roles here of an account that has these in the other system, not yet checked.
 *
 * @throws ImportError for roles that the operator must decide on
 */
export type RoleMapping = (roles: readonly string[]) => readonly string[]

/** Without a mapping roles are taken as they are, `admin` too. */
export const keepRoles: RoleMapping = roles => roles

/**
 * Reads a mapping: a JSON object from a role of the other system to one here, to a list of them, or to null, which leaves
 * it out. Roles that it does not name are taken as they are, but for one: who has the role `admin` in another system is
 * no administrator here unless the mapping says so.
 *
 * @throws Error that says what is wrong with it, for the operator
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
