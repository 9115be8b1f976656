/** Where a connection finds tables and where it creates them, by its search_path. */
export interface SchemaView {
  search_path: string
  role: string
  /** The first schema of the search_path that exists and that the role can use. New tables are created in it. */
  present: string | null
  /** The schema in which a statement that names no schema finds the tables of Latchkey. */
  found: string | null
}

/** Returns one row, a {@link SchemaView}. */
export const SCHEMA_VIEW = `
  select current_setting('search_path') as search_path, current_user as role, current_schema() as present, (
    select nspname from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_class.oid = to_regclass('revocations')
  ) as found`

/**
 * Returns the schema for a migration. An ambiguous search_path is refused, and so is one whose first schema does not
 * exist: two deployments in one database could share tables, or one could no longer find its own.
 *
 * @param wanted the search_path that the address sets, if it sets one
 * @throws SchemaError before anything is written
 */
export function schemaToMigrate(view: SchemaView, wanted: string | undefined): string {
  refuseIgnored(view, wanted)
  const { search_path: path, role, present, found } = view
  const names = namesIn(path)
  const isOwnSchema = names[0] === OWN_SCHEMA && present === role
  if (present === null || (!isOwnSchema && present !== names.find(name => name !== OWN_SCHEMA)))
    throw new SchemaError(
      `the first schema of its search_path (${path}) does not exist, or its user cannot use it: create it (create schema ` +
        '… authorization …), or name another',
    )
  if (found !== null && found !== present)
    throw new SchemaError(
      `its search_path (${path}) finds tables of Latchkey in the schema ${found}, and new ones would go to ${present}: ` +
        `name the one schema that is meant (${HOW})`,
    )
  return present
}

/**
 * Checks that the service finds the right tables.
 *
 * @param migrated the schema that this process has just migrated, if it did
 * @throws SchemaError
 */
export function checkTablesFound(view: SchemaView, wanted: string | undefined, migrated: string | undefined): void {
  refuseIgnored(view, wanted)
  const { search_path: path, found } = view
  if (found === null && migrated === undefined)
    throw new SchemaError(
      `its search_path (${path}) contains no tables of Latchkey: run "latchkey migrate", grant the user USAGE on ` +
        `the schema of the tables, or put that schema into the search_path (${HOW})`,
    )
  if (migrated !== undefined && found !== migrated)
    throw new SchemaError(
      `the tables are in the schema ${migrated}, and its search_path (${path}) finds ` +
        `${found === null ? 'none' : `others in ${found}`}: let its user use the schema ${migrated}, and name it ` +
        `(${HOW})`,
    )
}

/** Some poolers ignore parameters that they do not know. */
function refuseIgnored({ search_path: path }: SchemaView, wanted: string | undefined): void {
  if (wanted === undefined || namesIn(wanted).join() === namesIn(path).join()) return
  throw new SchemaError(
    `the address sets the search_path ${wanted}, but the connection has ${path}, because a pooler ignores this ` +
      `parameter: set the search_path for the role (${HOW})`,
  )
}

const HOW = 'alter role … set search_path = …'

/** Tells an operator why a search_path cannot be used. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}

/** In a search_path, the schema with the name of the role. It does not have to exist. */
const OWN_SCHEMA = '$user'

/** The server returns a search_path as it was written, quotation marks included. */
function namesIn(path: string): string[] {
  return path.split(',').map(entry => {
    const name = entry.trim()
    return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase()
  })
}
