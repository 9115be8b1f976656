import { AuthError } from './auth-error.js'
import { type Grant, grantOf, type TokenAnswer, usableMs } from './grant.js'
import { elapsedSince, type Instant, now } from './instant.js'
import { isHidden, onReturn } from './page.js'
import { openTabs, type TabMessage } from './tabs.js'
import type { RefreshTokenStorage, User } from './types.js'

/** Holds the access token of the present session, in memory only, and renews it. */
export interface SessionKeeper {
  user(): User | null | undefined
  grant(): Grant | undefined
  /** The answer to a sign-in. */
  signIn(answer: TokenAnswer, askedAt: Instant): Promise<User>
  /** The session has ended. */
  end(): Promise<void>
  /** A token that can be sent; undefined if nobody is signed in. */
  token(): Promise<string | undefined>
  /** A newer token than this one, which a service refused; undefined if nobody is signed in. */
  tokenAfter(refused: string): Promise<string | undefined>
  /** The service has asked for a refresh of this token. */
  refreshSoon(token: string): void
  close(): void
}

export interface SessionKeeperOptions {
  /** Tells the tabs of one service from those of another. */
  baseUrl: string
  storage: RefreshTokenStorage | undefined
  /** Sends POST /auth/refresh. */
  sendRefresh(body: object | undefined): Promise<TokenAnswer>
  onUser(user: User | null): void
}

const SUPERSEDED = 'refresh_token_superseded'
const MAX_PAUSE_MS = 30_000
const MAX_RETRY_AFTER_MS = 60_000

export function keepSession({ baseUrl, storage, sendRefresh, onUser }: SessionKeeperOptions): SessionKeeper {
  let user: User | null | undefined
  let grant: Grant | undefined
  /** How old a token becomes before it is refreshed: a random moment, so that tabs and browsers differ. */
  let dueMs = 0
  /** Counts the sessions. What was asked for in an earlier one has no effect on the present one. */
  let era = 0
  let endedSessionId: string | undefined
  let refreshing: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let refused: { error: unknown; until: number } | undefined
  /** Those who wait for a token, wherever it comes from. */
  const waiting: (() => void)[] = []
  const closing = new AbortController()
  const tabs = openTabs(baseUrl, hear)

  function become(next: User | null): void {
    for (const resolve of waiting.splice(0)) resolve()
    if (JSON.stringify(user) === JSON.stringify(next)) return
    user = next
    onUser(next)
  }

  function hold(next: Grant): void {
    if (next.sessionId !== grant?.sessionId) era++
    grant = next
    dueMs = next.lifetimeMs * (0.6 + 0.3 * Math.random())
    failures = 0
    refused = undefined
    wake(dueMs - elapsedSince(next.askedAt))
    become(next.user)
  }

  async function accept(answer: TokenAnswer, askedAt: Instant, isSignIn: boolean): Promise<void> {
    if (answer.refresh_token) await storage?.set(answer.refresh_token)
    const next = grantOf(answer, askedAt)
    hold(next)
    tabs?.tell({ grant: next, isSignIn })
  }

  async function end(): Promise<void> {
    const sessionId = grant?.sessionId
    forget()
    if (sessionId) tabs?.tell({ endedSessionId: sessionId })
    await storage?.set(null)
  }

  function forget(): void {
    era++
    endedSessionId = grant?.sessionId
    grant = undefined
    clearTimeout(timer)
    become(null)
  }

  function hear(message: TabMessage): void {
    if ('endedSessionId' in message) {
      if (message.endedSessionId === grant?.sessionId) forget()
      return
    }
    const { grant: next, isSignIn } = message
    // The monotonic clock of another tab has another beginning.
    next.askedAt.monotonic = performance.now() - (Date.now() - next.askedAt.wall)
    const isOther = grant && next.sessionId !== grant.sessionId
    const isNewer = !grant || usableMs(next) > usableMs(grant)
    if (next.sessionId !== endedSessionId && (isOther ? isSignIn : isNewer)) hold(next)
  }

  /** One request at a time. Whoever asks meanwhile gets its result. */
  function refresh(): Promise<void> {
    refreshing ??= send()
      .catch(error => {
        const retryAfterMs = Math.min((error.retryAfterSeconds ?? 0) * 1000, MAX_RETRY_AFTER_MS)
        refused = { error, until: performance.now() + retryAfterMs }
        wake(retryAfterMs + Math.random() * Math.min(1000 * 2 ** ++failures, MAX_PAUSE_MS))
        throw error
      })
      .finally(() => {
        refreshing = undefined
      })
    return refreshing
  }

  async function send(superseded?: { sent: unknown; ticket: string | undefined }): Promise<void> {
    const [startEra, askedAt] = [era, now()]
    const sent = await storage?.get()
    if (storage && !sent) return end()
    // With cookies the browser sends what it has by now: usually the newer token.
    const ticket = sent === superseded?.sent && superseded?.ticket
    try {
      const answer = await sendRefresh(storage && { refresh_token: sent, ...(ticket && { ticket }) })
      if (era === startEra) await accept(answer, askedAt, false)
    } catch (error) {
      if (era !== startEra) return
      const { status, code, problem } = error as AuthError
      if (code === SUPERSEDED && !superseded) return send({ sent, ticket: problem.ticket })
      const isEnd = error instanceof AuthError && status === 401 && problem.code && code !== SUPERSEDED
      if (!isEnd) throw error
      await end()
    }
  }

  function wake(afterMs: number): void {
    clearTimeout(timer)
    if (!closing.signal.aborted) timer = setTimeout(refreshIfDue, afterMs)
  }

  /** A page that nobody sees does not keep a session alive. */
  function refreshIfDue(wasAway?: boolean): void {
    const leftMs = grant && !wasAway ? dueMs - elapsedSince(grant.askedAt) : 0
    if (leftMs > 0) wake(leftMs)
    else if (user !== null && !isHidden()) refresh().catch(() => {})
  }

  async function renewed(): Promise<string | undefined> {
    if (refused && performance.now() < refused.until) throw refused.error
    await Promise.race([refresh(), new Promise<void>(resolve => waiting.push(resolve))])
    return grant?.token
  }

  onReturn(wasAway => refreshIfDue(wasAway), closing.signal)
  wake(0)

  return {
    user: () => user,
    grant: () => grant,
    signIn: async (answer, askedAt) => {
      await accept(answer, askedAt, true)
      return answer.user
    },
    end,
    token: async () => (user === null ? undefined : grant && usableMs(grant) > 0 ? grant.token : renewed()),
    tokenAfter: async token => (user === null ? undefined : grant && grant.token !== token ? grant.token : renewed()),
    refreshSoon(token) {
      // After a failure the timer tries again, not every answer of a service.
      if (grant?.token === token && !failures) refresh().catch(() => {})
    },
    close() {
      closing.abort()
      clearTimeout(timer)
      tabs?.close()
    },
  }
}
