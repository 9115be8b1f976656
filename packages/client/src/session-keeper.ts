import { checked, elapsedSince, type Grant, grantOf, type Instant, now, type TokenAnswer, usableMs } from './grant.js'
import { isHidden, onReturn, openTabs } from './page.js'
import { AuthError, saysSignedOut } from './requests.js'
import type { RefreshTokenStorage, User } from './types.js'

/** Holds the access token of the present session, in memory only, and renews it. */
export interface SessionKeeper {
  user(): User | null | undefined
  sessionId(): string | undefined
  /** The answer to a sign-in. */
  signIn(answer: TokenAnswer, askedAt: Instant): Promise<void>
  /** The session has ended. */
  end(): Promise<void>
  /** A token that can be sent; undefined if nobody is signed in. */
  token(): Promise<string | undefined>
  /** A newer token than this one, which a service refused; undefined if nobody is signed in. */
  tokenAfter(refused: string): Promise<string | undefined>
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

/** What tabs tell each other: a token, or the end of a session. */
interface TabMessage {
  grant?: Grant
  /** Whether the token is from a sign-in, and not from a refresh. */
  isSignIn?: boolean
  endedSessionId?: string
}

const SUPERSEDED = 'refresh_token_superseded'
/** The longest pause after a failure, whatever `Retry-After` says. */
const MAX_PAUSE_MS = 60_000
/** After a failure, requests that come at once do not ask again. */
const MIN_PAUSE_MS = 500
/** How long it takes until another token is fetched for a service that refused the newest one. */
const FORCED_MS = 3000
/** How many tokens a request can be late, and still be repeated. */
const MAX_TOKENS = 20
/** Longer timers would fire at once. */
const MAX_TIMER_MS = 1e9

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
  let failure: unknown
  let pausedUntil = 0
  /** The tokens of the present user. */
  let tokens: string[] = []
  /** A token that was fetched because a service had refused the one before. */
  let forced: string | undefined
  let forcedAt = 0
  /** Those who wait for a token, wherever it comes from. */
  const waiting: (() => void)[] = []
  const closing = new AbortController()
  let tabs = storage ? undefined : openTabs(baseUrl, hear)

  function become(next: User | null): void {
    for (const resolve of waiting.splice(0)) resolve()
    if (JSON.stringify(user) === JSON.stringify(next)) return
    user = next
    onUser(next)
  }

  function hold(next: Grant): void {
    if (next.sessionId !== grant?.sessionId) era++
    if (next.user.id !== grant?.user.id) tokens = []
    tokens = [...tokens, next.token].slice(-MAX_TOKENS)
    grant = next
    dueMs = next.lifetimeMs * (0.6 + 0.3 * Math.random())
    failures = 0
    pausedUntil = 0
    wake(dueMs - elapsedSince(next.askedAt))
    become(next.user)
  }

  async function accept(answer: TokenAnswer, askedAt: Instant, isSignIn = true): Promise<void> {
    const next = grantOf(answer, askedAt)
    if (answer.refresh_token) await storage?.set(answer.refresh_token)
    hold(next)
    tell({ grant: next, isSignIn })
  }

  async function end(): Promise<void> {
    const sessionId = grant?.sessionId
    forget()
    if (sessionId) tell({ endedSessionId: sessionId })
    await storage?.set(null)
  }

  function forget(): void {
    era++
    endedSessionId = grant?.sessionId ?? endedSessionId
    grant = undefined
    clearTimeout(timer)
    become(null)
  }

  function tell(message: TabMessage): void {
    tabs?.postMessage(message)
  }

  /** @throws Error if the message is of somebody else */
  function hear(message: TabMessage): void {
    if (message.endedSessionId) {
      endedSessionId = message.endedSessionId
      if (endedSessionId === grant?.sessionId) forget()
      return
    }
    const next = checked(message.grant)
    // The monotonic clock of another tab has another beginning.
    next.askedAt.monotonic = performance.now() - (Date.now() - next.askedAt.wall)
    const isOther = grant && next.sessionId !== grant.sessionId
    const isNewer = !grant || usableMs(next) > usableMs(grant)
    if (next.sessionId !== endedSessionId && (isOther ? message.isSignIn : isNewer)) hold(next)
  }

  /** One request at a time. Callers that ask during it get the same result. */
  function refresh(): Promise<void> {
    refreshing ??= send()
      .catch(error => {
        const retryAfterMs = Math.min((error.retryAfterSeconds ?? 0) * 1000, MAX_PAUSE_MS)
        failure = error
        pausedUntil = performance.now() + Math.max(retryAfterMs, MIN_PAUSE_MS)
        wake(retryAfterMs + Math.random() * Math.min(1000 * 2 ** ++failures, MAX_PAUSE_MS))
        throw error
      })
      .finally(() => {
        refreshing = undefined
      })
    return refreshing
  }

  async function send(superseded?: { sent: unknown; ticket: string | undefined }): Promise<void> {
    const startEra = era
    const askedAt = now()
    const sent = await storage?.get()
    if (storage && !sent) return era === startEra ? end() : undefined
    // With cookies the browser sends what it has by now: usually the newer token.
    const ticket = sent === superseded?.sent && superseded?.ticket
    try {
      const answer = await sendRefresh(storage && { refresh_token: sent, ...(ticket && { ticket }) })
      if (era !== startEra) return
      // It was on its way when another tab signed out.
      if (endedSessionId && answer?.session_id === endedSessionId) await end()
      else await accept(answer, askedAt, false)
    } catch (error) {
      if (era !== startEra) return
      const { code, problem } = error as AuthError
      if (code === SUPERSEDED && !superseded) return send({ sent, ticket: problem.ticket })
      if (code === SUPERSEDED || !saysSignedOut(error)) throw error
      await end()
    }
  }

  function wake(afterMs: number): void {
    clearTimeout(timer)
    if (!closing.signal.aborted) timer = setTimeout(refreshIfDue, Math.min(afterMs, MAX_TIMER_MS))
  }

  /** A page that nobody sees does not keep a session alive. */
  function refreshIfDue(wasAway?: boolean): void {
    const leftMs = Math.max(
      grant && !wasAway ? dueMs - elapsedSince(grant.askedAt) : 0,
      pausedUntil - performance.now(),
    )
    if (leftMs > 0) wake(leftMs)
    else if (user !== null && !isHidden()) refresh().catch(() => {})
  }

  async function renewed(): Promise<string | undefined> {
    const owner = user?.id
    if (performance.now() < pausedUntil) throw failure
    await Promise.race([refresh(), new Promise<void>(resolve => waiting.push(resolve))])
    // What was asked for by one user is not done as another one.
    if (owner && user && user.id !== owner) throw new AuthError(401, { code: 'user_changed' })
    return grant?.token
  }

  async function tokenAfter(token: string): Promise<string | undefined> {
    if (!tokens.includes(token)) return
    if (grant?.token !== token) return grant?.token
    // A newer token was refused too: this service refuses for another reason.
    if (forced === token && performance.now() - forcedAt < FORCED_MS) return
    forced = await renewed()
    forcedAt = performance.now()
    return forced
  }

  onReturn(refreshIfDue, closing.signal)
  wake(0)

  return {
    user: () => user,
    sessionId: () => grant?.sessionId,
    signIn: accept,
    end,
    token: async () => (user === null ? undefined : grant && usableMs(grant) > 0 ? grant.token : renewed()),
    tokenAfter,
    close() {
      closing.abort()
      clearTimeout(timer)
      tabs?.close()
      tabs = undefined
    },
  }
}
