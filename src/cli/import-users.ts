import { ADMIN_ROLE } from '@latchkey/verifier/core'
import type { Config } from '../config/config.js'
import { type ImportCounts, type ImportObserver, importUsers as importLines } from '../domain/import/import-users.js'
import type { RoleMapping } from '../domain/import/role-mapping.js'
import { type HashMeasurement, type SlowestHash, slowestHashFinder } from '../domain/import/slowest-hash.js'
import { FAILURE_DELAY_MARGIN } from '../domain/login/failure-delay.js'
import type { Database } from '../postgres/database.js'
import { EXIT, exitIncomplete } from './exit-codes.js'
import { openImport, openRoleMapping, readLines } from './import-input.js'
import { isJson, type Print, print, printResult, say, sayJson } from './output.js'
import { ACTOR, withDatabase } from './with-stores.js'

export interface Output {
  /** For the result. */
  print: Print
  /** For progress and for lines that were left out. */
  say: Print
}

const PROGRESS_INTERVAL_MS = 5000
/** A file can contain any number of unknown fields. */
const MAX_IGNORED_FIELDS = 20

const number = new Intl.NumberFormat('en')

export interface ImportOptions {
  /** Maps the roles of the other system to ours. */
  mapRoles?: RoleMapping | undefined
  claimsNamespace?: string
  signInFailureDelayMs: number
  measureHash?: HashMeasurement
}

/** `latchkey users import FILE` */
export async function importFile(config: Config, path: string, mappingPath: string | undefined): Promise<void> {
  // Before the stores are opened.
  const mapRoles = mappingPath === undefined ? undefined : await openRoleMapping(mappingPath)
  const input = await openImport(path)
  await withDatabase(config, async ({ db }) => {
    const { signInFailureDelayMs, claimsNamespace } = config
    const output = { print: isJson() ? () => {} : print, say }
    const summary = await importUsers(db, input, output, { mapRoles, claimsNamespace, signInFailureDelayMs })
    const { counts, administrators, ignoredFields, warning = null } = summary
    if (isJson()) printResult({ ...counts, administrators, ignored_fields: ignoredFields, warning }, () => {})
    const message = `${number.format(counts.refused)} ${counts.refused === 1 ? 'line was' : 'lines were'} left out.`
    if (counts.refused > 0) exitIncomplete(EXIT.incomplete, { code: 'incomplete', message })
  })
}

export interface ImportSummary {
  counts: ImportCounts
  /** How many of the imported accounts have the role admin. */
  administrators: number
  ignoredFields: string[]
  /** If the slowest hash takes too long. */
  warning: string | undefined
}

/** Imports the accounts and reports the result. */
export async function importUsers(
  db: Database,
  input: AsyncIterable<Buffer>,
  { print, say }: Output,
  { signInFailureDelayMs, measureHash, ...reading }: ImportOptions,
): Promise<ImportSummary> {
  const slowestHash = slowestHashFinder(measureHash)
  let administrators = 0
  const ignored = new Set<string>()
  let soFar: ImportCounts | undefined
  let saidAt = performance.now()
  const watcher: ImportObserver = {
    onAccount({ roles, passwordHash }, isNew) {
      if (isNew && roles.includes(ADMIN_ROLE)) administrators++
      // Also of those that are there: the import may have been interrupted.
      slowestHash.add(passwordHash)
    },
    onRefused: (line, reason) => (isJson() ? sayJson({ line, message: reason }) : say(`line ${line}: ${reason}`)),
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

  const sayStopped = () => {
    if (soFar)
      say(`Stopped after ${number.format(soFar.lines)} lines: ${inWords(soFar)}. Import the file again to continue.`)
    if (administrators > 0) say(administratorsInWords(administrators))
  }
  let counts: ImportCounts
  const ignoreSignals = onceInterrupted(sayStopped)
  try {
    counts = await importLines({ db }, readLines(input), watcher, ACTOR, reading)
  } catch (error) {
    sayStopped()
    throw error
  } finally {
    ignoreSignals()
  }
  if (ignored.size > 0)
    say(`Unknown fields, which were ignored: ${[...ignored].map(name => JSON.stringify(name)).join(', ')}`)
  print(`${counts.imported > 0 ? 'Done' : 'Nothing changed'}: ${inWords(counts)}.`)
  if (administrators > 0) print(administratorsInWords(administrators))
  const warning = slowHashWarning(await slowestHash.find(), signInFailureDelayMs)
  if (warning !== undefined) print(warning)
  return { counts, administrators, ignoredFields: [...ignored], warning }
}

/**
 * Calls back when Ctrl-C or a signal to terminate ends this process.
 *
 * @returns a function that removes the handlers
 */
function onceInterrupted(callback: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const
  const end = (signal: NodeJS.Signals) => {
    remove()
    callback()
    // Now without a handler, so the process ends as every program that a signal ends.
    process.kill(process.pid, signal)
  }
  const remove = () => {
    for (const signal of signals) process.off(signal, end)
  }
  for (const signal of signals) process.on(signal, end)
  return remove
}

function inWords({ imported, present, refused }: ImportCounts): string {
  const format = (count: number) => number.format(count)
  return `${format(imported)} imported, ${format(present)} there already, ${format(refused)} left out`
}

function administratorsInWords(count: number): string {
  return `Of the imported accounts, ${number.format(count)} ${count === 1 ? 'has' : 'have'} the role ${ADMIN_ROLE}.`
}

/** The longest delay that the setting accepts. */
const LONGEST_DELAY_MS = 5000

/**
 * Warns if verifying the slowest hash of an import takes about as long as the delay of failed sign-ins, or longer: then
 * that delay does not hide which accounts exist (docs/passwords.md). Undefined if it takes clearly less, or if the delay
 * is off.
 */
export function slowHashWarning(slowest: SlowestHash | undefined, delayMs: number): string | undefined {
  if (!slowest || delayMs === 0) return undefined
  const neededMs = FAILURE_DELAY_MARGIN * slowest.tookMs
  if (neededMs <= delayMs) return undefined
  const { name, parameters, tookMs } = slowest
  const relation = tookMs > delayMs ? 'longer than' : 'too close to'
  return (
    `The slowest password hash (${name}, ${parameters}) takes about ${rounded(tookMs)} ms here, ${relation} ` +
    `SIGN_IN_FAILURE_DELAY (${delayMs} ms). Until the users with such hashes have signed in once, the time of a failed ` +
    'sign-in can reveal that their accounts exist. Set SIGN_IN_FAILURE_DELAY to ' +
    `${Math.min(LONGEST_DELAY_MS, rounded(neededMs))}ms for the service.`
  )
}

/** Rounds up to 10 ms: a measurement is no more precise. */
function rounded(ms: number): number {
  return Math.ceil(ms / 10) * 10
}
