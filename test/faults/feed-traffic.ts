import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/eventually.js'
import { PASSWORD } from '../support/people.js'
import { monotonicMs } from './token-watch.js'
import type { WatchingVerifier } from './watching-verifier.js'

/** A session of which every verifier is asked all the time. Instants are those of `monotonicMs()`. */
export interface WatchedSession {
  id: number
  email: string
  accessToken: string
  refreshToken: string
  /** Whether its sign-out ends all sessions of the account. */
  leavesEverywhere: boolean
  /** When its sign-out was first asked for; it may be refused from then on. */
  askedAtMs?: number
  /** When the service answered that it is revoked. */
  revokedAtMs?: number
  /** When a receipt said that every live verifier has it. */
  receiptAtMs?: number
}

export interface FeedTrafficOptions {
  /** Where the service is reached; each request goes to the next of them. */
  services: readonly string[]
  verifiers: readonly WatchingVerifier[]
}

const ANSWER_MS = 10_000
const SIGN_OUT_PAUSE_MS = 200
const SIGN_IN_PAUSE_MS = 250
/** One of so many users who sign in later stays. */
const STAYING_OF = 3
/** How long a sign-out waits for its receipt. */
const RECEIPT_SECONDS = 2

/** Signs users in and out at the service, while verifiers verify the tokens of all of them. */
export class FeedTraffic {
  readonly sessions: WatchedSession[] = []
  /** The names of the verifiers that a receipt had to name. */
  readonly laggards = new Set<string>()
  receipts = { complete: 0, pending: 0 }
  readonly #options: FeedTrafficOptions
  readonly #leaving: WatchedSession[] = []
  #email = ''
  #turn = 0
  #isRunning = false
  #loops: Promise<void>[] = []

  constructor(options: FeedTrafficOptions) {
    this.#options = options
  }

  /** Signs in those who stay, and those who sign out later. */
  async prepare({ staying = 4, leaving = 6, leavingEverywhere = 2 } = {}): Promise<void> {
    const emails = Array.from({ length: leavingEverywhere + 1 }, () => this.#register())
    const [email, ...others] = await Promise.all(emails)
    this.#email = email!
    const arrivals = Array.from({ length: staying + leaving }, () => this.#signIn(this.#email, false))
    const arrived = await Promise.all([...others.map(other => this.#signIn(other, true)), ...arrivals])
    if (arrived.includes(undefined)) throw new Error('signing in does not work')
    this.#leaving.push(...(arrived.slice(0, -staying) as WatchedSession[]))
  }

  start(): void {
    this.#isRunning = true
    this.#loops = [
      this.#repeat(SIGN_OUT_PAUSE_MS, () => this.#signOutNext(false)),
      this.#repeat(SIGN_OUT_PAUSE_MS, () => this.#signOutNext(true)),
      this.#repeat(SIGN_IN_PAUSE_MS, () => this.#signNextIn()),
    ]
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all(this.#loops)
  }

  /** Signs a session in and out again, with a receipt if the service gives one; fails if that does not work now. */
  async signOneOut(): Promise<WatchedSession> {
    const session = await this.#signIn(this.#email, false)
    if (!session) throw new Error('signing in does not work')
    if (!(await this.#signOut(session, true))) throw new Error('signing out does not work')
    return session
  }

  /** Repeats every sign-out of which it is not known whether it was done. */
  async settle(): Promise<void> {
    for (const session of this.sessions)
      if (session.askedAtMs !== undefined && session.revokedAtMs === undefined)
        await eventually(async () => {
          if (!(await this.#signOut(session, false))) throw new Error('signing out does not work')
        }, 30_000)
  }

  async #repeat(pauseMs: number, work: () => Promise<void>): Promise<void> {
    while (this.#isRunning) {
      await work()
      await sleep(pauseMs)
    }
  }

  async #signNextIn(): Promise<void> {
    const session = await this.#signIn(this.#email, false)
    if (session && session.id % STAYING_OF !== 0) this.#leaving.push(session)
  }

  async #signOutNext(wantsReceipt: boolean): Promise<void> {
    const session = this.#leaving.shift()
    if (session && !(await this.#signOut(session, wantsReceipt))) this.#leaving.push(session)
  }

  /** @returns whether it is revoked; otherwise it may be or not */
  async #signOut(session: WatchedSession, wantsReceipt: boolean): Promise<boolean> {
    session.askedAtMs ??= monotonicMs()
    const body = { refresh_token: session.refreshToken, ...(session.leavesEverywhere && { scope: 'all' }) }
    const headers = wantsReceipt ? { prefer: `wait=${RECEIPT_SECONDS}` } : {}
    const response = await this.#post('/auth/logout', body, headers)
    if (response?.status !== 204 && response?.status !== 202) return false
    session.revokedAtMs = monotonicMs()
    if (response.status === 204 && response.headers.get('preference-applied')?.startsWith('wait')) {
      this.receipts.complete++
      session.receiptAtMs = session.revokedAtMs
    }
    if (response.status === 202) {
      this.receipts.pending++
      const { verifiers = [] } = (await response.json()) as { verifiers?: { name: string }[] }
      for (const { name } of verifiers) this.laggards.add(name)
    }
    return true
  }

  async #register(): Promise<string> {
    const email = `${randomBytes(6).toString('hex')}@example.com`
    const response = await this.#post('/auth/register', { email, password: PASSWORD, transport: 'body' })
    if (response?.status !== 201) throw new Error(`registering does not work: ${response?.status}`)
    return email
  }

  async #signIn(email: string, leavesEverywhere: boolean): Promise<WatchedSession | undefined> {
    const response = await this.#post('/auth/login', { email, password: PASSWORD, transport: 'body' })
    if (response?.status !== 200) return undefined
    const { access_token: accessToken, refresh_token: refreshToken } = (await response.json()) as Record<string, string>
    const session = { email, accessToken: accessToken!, refreshToken: refreshToken!, leavesEverywhere }
    const watched: WatchedSession = { id: this.sessions.length, ...session }
    this.sessions.push(watched)
    for (const verifier of this.#options.verifiers) verifier.watch(watched.id, watched.accessToken)
    return watched
  }

  /** The answer of the next instance; undefined if there is none. */
  async #post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response | undefined> {
    const { services } = this.#options
    const url = services[this.#turn++ % services.length]!
    return fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch(() => undefined)
  }
}
