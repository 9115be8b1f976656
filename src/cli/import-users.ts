import { type FileHandle, open } from 'node:fs/promises'
import { ADMIN_ROLE } from '../domain/accounts/roles.js'
import { type ImportCounts, type ImportWatcher, importUsers as importLines } from '../domain/import/import-users.js'
import type { RoleMapping } from '../domain/import/role-mapping.js'
import { type HashMeasurement, slowestHashFinder } from '../domain/import/slowest-hash.js'
import type { Database } from '../postgres/database.js'
import { readLines } from './read-lines.js'
import { slowHashWarning } from './slow-hash-warning.js'

export interface Output {
  /** For the result. */
  print(line: string): void
  /** For progress, and for what was left out. */
  say(line: string): void
}

/** Who the event of this command names. */
const ACTOR = 'cli'
const PROGRESS_INTERVAL_MS = 5000
/** A file may have any number of them. */
const MAX_IGNORED_FIELDS = 20

const number = new Intl.NumberFormat('en')

/**
 * Opens the file of an import, or standard input for `-`.
 *
 * @throws Error, written for the operator, if it can't be read
 */
export async function openImport(path: string): Promise<AsyncIterable<Buffer>> {
  if (path === '-') return process.stdin
  let file: FileHandle
  try {
    file = await open(path)
  } catch (error) {
    throw new Error(`${path} can't be read (${(error as NodeJS.ErrnoException).code}).`)
  }
  return file.createReadStream()
}

export interface ImportOptions {
  /** Says which roles here those of the other system are. */
  mapRoles?: RoleMapping | undefined
  signInFailureDelayMs: number
  measureHash?: HashMeasurement
}

/** `latchkey users import FILE`; returns how many lines were left out. */
export async function importUsers(
  db: Database,
  input: AsyncIterable<Buffer>,
  { print, say }: Output,
  { mapRoles, signInFailureDelayMs, measureHash }: ImportOptions,
): Promise<number> {
  const slowestHash = slowestHashFinder(measureHash)
  let administrators = 0
  const ignored = new Set<string>()
  let soFar: ImportCounts | undefined
  let saidAt = performance.now()
  const watcher: ImportWatcher = {
    onAccount({ roles, passwordHash }, isNew) {
      if (isNew && roles.includes(ADMIN_ROLE)) administrators++
      // Also of those that are there: the import may have been interrupted.
      slowestHash.see(passwordHash)
    },
    onRefused: (line, reason) => say(`line ${line}: ${reason}`),
    onIgnored(field) {
      if (ignored.size < MAX_IGNORED_FIELDS) ignored.add(field)
    },
    onProgress(counts) {
      soFar = counts
      if (performance.now() - saidAt < PROGRESS_INTERVAL_MS) return
      saidAt = performance.now()
      say(`${number.format(counts.lines)} lines: ${inWords(counts)}`)
    },
  }

  let counts: ImportCounts
  try {
    counts = await importLines({ db }, readLines(input), watcher, ACTOR, mapRoles)
  } catch (error) {
    if (soFar) say(`Stopped after ${number.format(soFar.lines)} lines: ${inWords(soFar)}. Import it again to go on.`)
    if (administrators > 0) say(administratorsInWords(administrators))
    throw error
  }
  if (ignored.size > 0)
    say(`Fields that mean nothing here: ${[...ignored].map(name => JSON.stringify(name)).join(', ')}`)
  print(`${counts.imported > 0 ? 'Done' : 'Nothing changed'}: ${inWords(counts)}.`)
  if (administrators > 0) print(administratorsInWords(administrators))
  const warning = slowHashWarning(await slowestHash.find(), signInFailureDelayMs)
  if (warning !== undefined) print(warning)
  return counts.refused
}

function inWords({ imported, present, refused }: ImportCounts): string {
  const format = (count: number) => number.format(count)
  return `${format(imported)} imported, ${format(present)} there already, ${format(refused)} left out`
}

function administratorsInWords(count: number): string {
  return `Of the imported accounts, ${number.format(count)} ${count === 1 ? 'has' : 'have'} the role ${ADMIN_ROLE}.`
}
