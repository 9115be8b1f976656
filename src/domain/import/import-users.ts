import { newId } from '../../lib/ids.js'
import type { NewImportedUser, TakenNames } from '../../postgres/user-import.js'
import type { AuthContext } from '../context.js'
import { ImportError } from './import-error.js'
import { type ImportedAccount, type ReadingOptions, readAccount } from './read-account.js'

export interface Line {
  /** Starts at 1. */
  number: number
  /** Or why the line cannot be read. */
  text: string | ImportError
}

export interface ImportCounts {
  /** Lines that were processed. */
  lines: number
  imported: number
  /** Accounts that existed before, with the names in the line. */
  present: number
  /** Lines that were left out. */
  refused: number
}

export interface ImportObserver {
  /** An account was imported, or existed before. */
  onAccount?(account: ImportedAccount, isNew: boolean): void
  /** A line was left out. */
  onRefused(number: number, reason: string): void
  /** More lines were processed. */
  onProgress(counts: Readonly<ImportCounts>): void
  /** A field was ignored; called for each line that has it. */
  onIgnored(field: string): void
}

/** Rows in a statement: enough that round trips do not matter, and few enough for the statement timeout. */
const BATCH_SIZE = 500

type NumberedAccount = NewImportedUser & { number: number }

/**
 * Imports accounts of another system, one from each line. An existing account is never changed, so the same file can be
 * imported again: after an interruption the import continues where it stopped, and a second complete run changes
 * nothing.
 *
 * At most two batches are in memory: one is written while the next is read.
 *
 * @param actor who imports them, for the event
 */
export async function importUsers(
  { db }: Pick<AuthContext, 'db'>,
  lines: AsyncIterable<Line>,
  watcher: ImportObserver,
  actor: string,
  options?: ReadingOptions,
): Promise<ImportCounts> {
  const counts: ImportCounts = { lines: 0, imported: 0, present: 0, refused: 0 }
  const refuse = (number: number, reason: string) => {
    counts.refused++
    watcher.onRefused(number, reason)
  }
  const write = async (batch: readonly NumberedAccount[], lastLine: number) => {
    const stored = await findStoredEarlier(db, batch)
    const imported = await db.userImport.add(batch.filter(account => !stored.some(other => isOf(other, account))))
    const left = batch.filter(({ id }) => !imported.has(id))
    const taken = [...stored, ...(left.length > 0 ? await db.userImport.findTaken(left) : [])]
    for (const account of batch) {
      const isNew = imported.has(account.id)
      const conflict = isNew ? undefined : findConflict(account, taken)
      if (conflict !== undefined) refuse(account.number, conflict)
      else watcher.onAccount?.(account, isNew)
      if (conflict === undefined && !isNew) counts.present++
    }
    counts.imported += imported.size
    counts.lines = lastLine
    watcher.onProgress(counts)
  }

  let batch: NumberedAccount[] = []
  let lastLine = 0
  let writing = Promise.resolve()
  try {
    for await (const { number, text } of lines) {
      lastLine = number
      const account = tryRead(text, watcher, options, reason => refuse(number, reason))
      if (account) batch.push({ ...account, id: newId(), number })
      if (batch.length < BATCH_SIZE) continue
      await writing
      writing = write(batch, lastLine)
      // The next `await writing` throws the error, which may be later.
      writing.catch(() => {})
      batch = []
    }
  } finally {
    await writing
  }
  await write(batch, lastLine)
  if (counts.imported > 0) await db.securityEvents.add({ type: 'users_imported', actor, details: { ...counts } })
  return counts
}

/** The existing accounts whose e-mail is an earlier form of the e-mail of one of these. */
async function findStoredEarlier(db: AuthContext['db'], batch: readonly NumberedAccount[]): Promise<TakenNames[]> {
  const emails = batch.flatMap(({ earlierEmails }) => earlierEmails)
  if (emails.length === 0) return []
  return db.userImport.findTaken(emails.map(email => ({ email, username: null, externalId: null })))
}

function isOf({ email }: TakenNames, account: ImportedAccount): boolean {
  return email === account.email || account.earlierEmails.includes(email)
}

function tryRead(
  text: Line['text'],
  watcher: ImportObserver,
  options: ReadingOptions | undefined,
  refuse: (reason: string) => void,
): ImportedAccount | undefined {
  try {
    if (text instanceof ImportError) throw text
    return text.trim() === '' ? undefined : readAccount(text, watcher.onIgnored, options)
  } catch (error) {
    if (!(error instanceof ImportError)) throw error
    refuse(error.message)
    return undefined
  }
}

/**
 * Why an account is not the same as an existing one; undefined if it is the same. Only the names are compared: roles
 * and hashes may have changed since an earlier import.
 */
function findConflict(account: ImportedAccount, taken: readonly TakenNames[]): string | undefined {
  const { username, externalId } = account
  const existing = taken.find(other => isOf(other, account))
  if (!existing) {
    if (username !== null && taken.some(other => other.username === username)) {
      return 'The username belongs to an account with another e-mail.'
    }
    if (externalId !== null && taken.some(other => other.externalId === externalId)) {
      return 'The external_id belongs to an account with another e-mail.'
    }
    return 'The account conflicted with another account that no longer exists: import the line again.'
  }
  if (externalId !== null && existing.externalId !== externalId) {
    return `The account with this e-mail has ${existing.externalId === null ? 'no' : 'another'} external_id.`
  }
  if (username !== null && existing.username !== username) {
    return `The account with this e-mail has ${existing.username === null ? 'no' : 'another'} username.`
  }
  return undefined
}
