import type { Command } from 'commander'
import type { UserFilter, UserSearch } from '../domain/accounts/find-users.js'
import { UsageError } from './exit-codes.js'
import { withExamples } from './help.js'
import { limitOf, type PageOptions, withLimit } from './options.js'
import { createTable, isJson, outputClosed, printArray, printFields, printResult, say } from './output.js'
import {
  EVENT_COLUMNS,
  eventCells,
  eventJson,
  SESSION_COLUMNS,
  sessionCells,
  USER_COLUMNS,
  userCells,
  userFields,
} from './views.js'
import { type Configure, type ReadingContext, withReading } from './with-stores.js'

export const USER = '<e-mail, username or id>'

const USERS_LIMIT = 50
const EVENTS_LIMIT = 20
/** The largest page of the HTTP API. */
const PAGE_SIZE = 100

const accounts = () => import('../domain/accounts/find-account.js')

/** `latchkey users list | show | sessions | events` */
export function addReadingUserCommands(users: Command, configure: Configure): void {
  addList(users, configure)
  const show = users
    .command('show')
    .description('show an account: its state, its roles, its last sign-in and the number of its sessions')
    .argument(USER)
    .action(async (name: string) => withReading(await configure(), context => showUser(context, name)))
  withExamples(show, 'users show ada@example.com', 'users show ada --json')

  const sessions = users
    .command('sessions')
    .description('list the live sessions of an account, the newest first')
    .argument(USER)
    .action(async (name: string) => withReading(await configure(), context => listSessions(context, name)))
  withExamples(sessions, 'users sessions ada@example.com')

  const events = withLimit(users.command('events'), 'events', EVENTS_LIMIT)
    .description('list the security events of an account, the latest first (docs/events.md)')
    .argument(USER)
    .action(async (name: string, options: PageOptions) =>
      withReading(await configure(), context => listEvents(context, name, limitOf(options, EVENTS_LIMIT))),
    )
  withExamples(events, 'users events ada@example.com', 'users events ada@example.com --all --json')
}

interface ListOptions extends PageOptions {
  email?: string
  emailPrefix?: string
  username?: string
  usernamePrefix?: string
  externalId?: string
  externalIdPrefix?: string
  role?: string
  disabled?: true
  enabled?: true
  locked?: true
}

function addList(users: Command, configure: Configure): void {
  const list = withLimit(users.command('list'), 'accounts', USERS_LIMIT)
    .description('list accounts, the newest first')
    .option('--email <address>', 'the account with this e-mail')
    .option('--email-prefix <text>', 'accounts whose e-mail begins with this text')
    .option('--username <name>', 'the account with this username')
    .option('--username-prefix <text>', 'accounts whose username begins with this text')
    .option('--external-id <id>', 'the account with this id of another system')
    .option('--external-id-prefix <text>', 'accounts whose external id begins with this text')
    .option('--role <role>', 'accounts with this role')
    .option('--disabled', 'disabled accounts')
    .option('--enabled', 'accounts that are not disabled')
    .option('--locked', 'accounts that are locked after failed sign-ins (docs/lockout.md)')
    .action(async (options: ListOptions) => {
      const search = searchOf(options)
      await withReading(await configure(), context => listUsers(context, search, options))
    })
  withExamples(list, 'users list --email-prefix ada', 'users list --role admin --all --json')
}

const SEARCHES = [
  ['email', 'email', false],
  ['emailPrefix', 'email', true],
  ['username', 'username', false],
  ['usernamePrefix', 'username', true],
  ['externalId', 'externalId', false],
  ['externalIdPrefix', 'externalId', true],
] as const

function searchOf(options: ListOptions): UserSearch | undefined {
  const asked = SEARCHES.flatMap(([option, field, isPrefix]) => {
    const text = options[option]
    return text === undefined ? [] : [{ field, text, isPrefix }]
  })
  if (asked.length > 1) throw new UsageError('search for one name at a time.')
  if (options.disabled && options.enabled) throw new UsageError('give --disabled or --enabled, not both.')
  return asked[0]
}

async function listUsers(context: ReadingContext, search: UserSearch | undefined, options: ListOptions): Promise<void> {
  const { findUsers, overviewsOf } = await import('../domain/accounts/find-users.js')
  const { role, disabled, enabled, locked } = options
  const filter: UserFilter = { role, disabled: disabled ?? (enabled && false), locked }
  let [left, cursor, hasMore] = [limitOf(options, USERS_LIMIT), undefined as string | undefined, false]

  async function* pages() {
    do {
      const page = await findUsers(context, search, { cursor, limit: Math.min(left, PAGE_SIZE), filter })
      yield await overviewsOf(context, page.users)
      left -= page.users.length
      cursor = page.nextCursor ?? undefined
      hasMore = cursor !== undefined
    } while (hasMore && left > 0 && !outputClosed.aborted)
  }

  if (isJson()) {
    const { userOverviewView } = await import('../http/routes/admin/schemas.js')
    await printArray(flatten(pages(), userOverviewView))
  } else {
    const table = createTable(USER_COLUMNS)
    for await (const overviews of pages()) table.add(overviews.map(userCells))
  }
  if (hasMore && !outputClosed.aborted) say('There are more accounts: give --all or a larger --limit.')
}

async function* flatten<T, R>(
  pages: AsyncIterable<readonly T[]>,
  view: (item: T) => R | Promise<R>,
): AsyncGenerator<R> {
  for await (const page of pages) for (const item of page) yield await view(item)
}

async function showUser(context: ReadingContext, name: string): Promise<void> {
  const [{ getAccountByAnyName }, { overviewsOf }, { userOverviewView }] = await Promise.all([
    accounts(),
    import('../domain/accounts/find-users.js'),
    import('../http/routes/admin/schemas.js'),
  ])
  const [overview] = await overviewsOf(context, [await getAccountByAnyName(context, name)])
  printResult(userOverviewView(overview!), () => printFields(userFields(overview!)))
}

/** Prints the live sessions of an account. */
export async function listSessions(context: ReadingContext, name: string): Promise<void> {
  const [{ getAccountByAnyName }, manage] = await Promise.all([
    accounts(),
    import('../domain/sessions/manage-sessions.js'),
  ])
  const { id } = await getAccountByAnyName(context, name)
  const sessions = await manage.sessionsOfUser(context, id)
  if (isJson()) {
    const { sessionView } = await import('../http/routes/auth/sessions.js')
    return printArray(sessions.map(sessionView))
  }
  createTable(SESSION_COLUMNS).add(sessions.map(sessionCells))
}

async function listEvents(context: ReadingContext, name: string, limit: number): Promise<void> {
  const [{ getAccountByAnyName }, events] = await Promise.all([accounts(), import('../domain/events/list-events.js')])
  const { id: userId } = await getAccountByAnyName(context, name)
  let [left, next] = [limit, null as string | null]

  async function* pages() {
    do {
      const query = { userId, limit: Math.min(left, PAGE_SIZE), before: next ?? undefined }
      const page = await events.listEvents(context, query)
      yield page.events
      left -= page.events.length
      next = page.next
    } while (next !== null && left > 0 && !outputClosed.aborted)
  }

  if (isJson()) {
    await printArray(flatten(pages(), eventJson))
  } else {
    const table = createTable(EVENT_COLUMNS)
    for await (const page of pages()) table.add(page.map(eventCells))
  }
  if (next !== null && !outputClosed.aborted) say('There are older events: give --all or a larger --limit.')
}
