/** Where a connection finds tables and would make them: what its search_path comes to. */
export interface SchemaView {
  search_path: string
  role: string
  /** The first schema of the search_path that is there and that the role may use. New tables go to it. */
  present: string | null
  /** The schema of the tables of Latchkey that a statement without a schema finds. */
  found: string | null
}

/** The one row that it gives is a {@link SchemaView}. */
export const SCHEMA_VIEW = `
  select current_setting('search_path') as search_path, current_user as role, current_schema() as present, (
    select nspname from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_class.oid = to_regclass('revocations')
  ) as found`

/**
 * The schema that a migration works in. A search_path that could mean two schemas, or that means another one than it
 * names, is refused: two deployments in one database would share their tables, or one would lose sight of its own.
 *
 * @param wanted the search_path that the address asks for, if it does
 * @throws SchemaError before anything is written
 */
export function schemaToMigrate(view: SchemaView, wanted: string | undefined): string {
  refuseIgnored(view, wanted)
  const { search_path: path, role, present, found } = view
  const names = namesIn(path)
  const isOwnSchema = names[0] === OWN_SCHEMA && present === role
  if (present === null || (!isOwnSchema && present !== names.find(name => name !== OWN_SCHEMA)))
    throw new SchemaError(
      `the first schema of its search_path (${path}) is not there, or its user may not use it: create it (create schema ` +
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
 * Checks that the service finds the tables that it shall work on.
 *
 * @param migrated the schema that was just brought up to date, if this process did it
 * @throws SchemaError
 */
export function checkTablesFound(view: SchemaView, wanted: string | undefined, migrated: string | undefined): void {
  refuseIgnored(view, wanted)
  const { search_path: path, found } = view
  if (found === null && migrated === undefined)
    throw new SchemaError(
      `its search_path (${path}) finds no tables of Latchkey: run "latchkey migrate", let its user use their schema, or ` +
        `name that schema (${HOW})`,
    )
  if (migrated !== undefined && found !== migrated)
    throw new SchemaError(
      `the tables are in the schema ${migrated}, and its search_path (${path}) finds ` +
        `${found === null ? 'none' : `others in ${found}`}: let its user use the schema ${migrated}, and name it (${HOW})`,
    )
}

/** Some poolers leave out what they do not know. */
function refuseIgnored({ search_path: path }: SchemaView, wanted: string | undefined): void {
  if (wanted === undefined || namesIn(wanted).join() === namesIn(path).join()) return
  throw new SchemaError(
    `its address asks for the search_path ${wanted}, and it is ${path}: a pooler leaves that out. Set it for the role ` +
      `instead (${HOW})`,
  )
}

const HOW = 'alter role … set search_path = …'

/** Why a search_path will not do, for the operator who set it. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}

/** In a search_path, the schema that is named like the role. It need not be there. */
const OWN_SCHEMA = '$user'

/** The server keeps a search_path as it was written. */
function namesIn(path: string): string[] {
  return path.split(',').map(entry => {
    const name = entry.trim()
    return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase()
  })
}
