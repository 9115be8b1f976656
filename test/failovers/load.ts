import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, HttpClient } from '../support/http-client.js'
import { PASSWORD } from '../support/people.js'

export const OPERATIONS = ['sign-in', 'refresh', 'verify', 'sign-out'] as const
export type Operation = (typeof OPERATIONS)[number]

/** One request, and what was answered: the status, with the code of an error; or why there was no answer. */
export interface Sample {
  startedAtMs: number
  endedAtMs: number
  answer: string
  isSuccess: boolean
}

/** A session as its browser knows it: an answer that was lost changes nothing here. */
interface Session {
  id: string
  accessToken: string
  refreshToken: string
  signedInAtMs: number
  /** When the sign-out was answered with 204. */
  signedOutAtMs?: number
}

/** A session that its client cannot go on with. */
export interface LostSession {
  answer: string
  signedInAtMs: number
}

/** How long each loop pauses between two requests. */
const PAUSES_MS: Record<Operation, number> = { 'sign-in': 100, refresh: 15, verify: 5, 'sign-out': 100 }
const LOOPS: Record<Operation, number> = { 'sign-in': 2, refresh: 3, verify: 2, 'sign-out': 1 }
/** How many of the latest sign-outs are checked all the time. */
const WATCHED = 20
/** A loaded machine can delay an answer by some seconds. Without Redis, two seconds are promised. */
const BOUND_MS = 5000

/** Sends requests of every kind to instances of the service, each a process of its own, and keeps every answer. */
export class Load {
  readonly samples = Object.fromEntries(OPERATIONS.map(name => [name, [] as Sample[]])) as Record<Operation, Sample[]>
  /** Answers that must never be given. */
  readonly violations: string[] = []
  /** The longest time after the answer to a sign-out at which an instance still accepted the session. */
  acceptedForMs = 0
  #urls: readonly string[]
  readonly #sessions = new Set<Session>()
  readonly #signedOut: Session[] = []
  /** A browser sends one of these at a time. */
  readonly #busy = new Set<Session>()
  readonly #clients: HttpClient[] = []
  #loops: Promise<void>[] = []
  #isRunning = false
  #email = ''

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  get counts(): { sessions: number; signedOut: number } {
    return { sessions: this.#sessions.size, signedOut: this.#signedOut.length }
  }

  /** Creates an account and its first sessions. */
  async prepare(sessions = 20): Promise<void> {
    const clients = this.#connect()
    this.#email = `ada-${Date.now()}@example.com`
    const account = { email: this.#email, password: PASSWORD, transport: 'body' }
    const { status, body } = await clients[0]!.post('/auth/register', account)
    if (status !== 201) throw new Error(`the registration was refused: ${JSON.stringify(body)}`)
    for (let n = 0; n < sessions; n++) await this.#signIn(clients[n % clients.length]!)
  }

  /** Sends the following requests to these instances, as a gateway does after its list has changed. */
  use(urls: readonly string[]): void {
    this.#urls = urls
  }

  start(): void {
    this.#isRunning = true
    const act: Record<Operation, (client: HttpClient) => Promise<void>> = {
      'sign-in': client => this.#signIn(client),
      refresh: client => this.#withSession(session => this.#refresh(client, session)),
      verify: client => this.#verify(client),
      'sign-out': client => this.#withSession(session => this.#signOut(client, session)),
    }
    for (const operation of OPERATIONS) {
      for (let n = 0; n < LOOPS[operation]; n++) this.#loops.push(this.#repeat(PAUSES_MS[operation], act[operation]))
    }
    this.#loops.push(this.#repeat(20, client => this.#watch(client)))
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all(this.#loops)
    this.#loops = []
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }

  /** What every client finds afterwards, at these instances: the sessions that were lost or came back. */
  async check(urls: readonly string[] = this.#urls): Promise<{ lost: LostSession[]; restored: string[] }> {
    const clients = urls.map(url => this.#clientOf(url))
    const [lost, restored]: [LostSession[], string[]] = [[], []]
    let turn = 0
    for (const session of this.#sessions) {
      const { signedInAtMs } = session
      const answer = await this.#refresh(clients[turn++ % clients.length]!, session)
      if (answer !== '200') lost.push({ answer, signedInAtMs })
      else {
        for (const client of clients) {
          const said = nameOf(await client.get('/auth/verify', session.accessToken))
          if (said !== '200') lost.push({ answer: `verify: ${said}`, signedInAtMs })
        }
      }
    }
    for (const session of this.#signedOut) {
      for (const client of clients) {
        const said = nameOf(await client.get('/auth/verify', session.accessToken))
        if (said !== '401 token_revoked') restored.push(`${session.id}: verify answers ${said}`)
        const { status } = await client.post('/auth/refresh', { refresh_token: session.refreshToken })
        if (status !== 401) restored.push(`${session.id}: refresh answers ${status}`)
      }
    }
    return { lost, restored }
  }

  #connect(): HttpClient[] {
    return this.#urls.map(url => this.#clientOf(url))
  }

  #clientOf(url: string): HttpClient {
    const client = new HttpClient(url)
    this.#clients.push(client)
    return client
  }

  /** Uses the instances in turn. */
  async #repeat(pauseMs: number, act: (client: HttpClient) => Promise<void>): Promise<void> {
    const clients = new Map(this.#urls.map(url => [url, this.#clientOf(url)]))
    for (let turn = 0; this.#isRunning; turn++) {
      const url = this.#urls[turn % this.#urls.length]!
      const client = clients.get(url) ?? this.#clientOf(url)
      clients.set(url, client)
      await act(client)
      await sleep(pauseMs)
    }
  }

  async #withSession(act: (session: Session) => Promise<unknown>): Promise<void> {
    const free = [...this.#sessions].filter(session => !this.#busy.has(session))
    const session = free[Math.floor(Math.random() * free.length)]
    if (session === undefined) return
    this.#busy.add(session)
    await act(session)
    this.#busy.delete(session)
  }

  async #signIn(client: HttpClient): Promise<void> {
    const account = { email: this.#email, password: PASSWORD, transport: 'body' }
    const { body } = await this.#send('sign-in', ['200'], () => client.post('/auth/login', account))
    if (body === undefined) return
    const { session_id: id, access_token: accessToken, refresh_token: refreshToken } = body
    this.#sessions.add({ id, accessToken, refreshToken, signedInAtMs: performance.now() })
  }

  async #refresh(client: HttpClient, session: Session): Promise<string> {
    const send = () => client.post('/auth/refresh', { refresh_token: session.refreshToken })
    const { name, body } = await this.#send('refresh', ['200'], send)
    if (body !== undefined) {
      session.accessToken = body.access_token
      session.refreshToken = body.refresh_token ?? session.refreshToken
    }
    return name
  }

  async #verify(client: HttpClient): Promise<void> {
    await this.#withSession(({ accessToken }) =>
      this.#send('verify', ['200'], () => client.get('/auth/verify', accessToken)),
    )
  }

  /** Without an answer, or after a 503, the user is signed out or not, and signs out again. */
  async #signOut(client: HttpClient, session: Session): Promise<void> {
    if (this.#sessions.size < 10) return
    const { name } = await this.#send('sign-out', ['204'], () =>
      client.post('/auth/logout', { refresh_token: session.refreshToken }),
    )
    if (name !== '204') return
    session.signedOutAtMs = performance.now()
    this.#sessions.delete(session)
    this.#signedOut.push(session)
  }

  async #watch(client: HttpClient): Promise<void> {
    for (const session of this.#signedOut.slice(-WATCHED)) {
      const askedAtMs = performance.now()
      const { status } = await client.get('/auth/verify', session.accessToken).catch(() => ({ status: 0 }))
      if (status !== 200) continue
      const afterMs = askedAtMs - session.signedOutAtMs!
      this.acceptedForMs = Math.max(this.acceptedForMs, afterMs)
      if (afterMs > BOUND_MS) this.violations.push(`a session that was signed out is accepted after ${afterMs} ms`)
    }
  }

  async #send(
    operation: Operation,
    successes: readonly string[],
    send: () => Promise<Answer>,
  ): Promise<{ name: string; body: Answer['body'] }> {
    const startedAtMs = performance.now()
    const answer = await send().catch((error: NodeJS.ErrnoException) => error)
    const name = answer instanceof Error ? `no answer (${answer.code ?? answer.message})` : nameOf(answer)
    const isSuccess = successes.includes(name)
    this.samples[operation].push({ startedAtMs, endedAtMs: performance.now(), answer: name, isSuccess })
    if (answer instanceof Error) this.violations.push(`${operation}: ${name}`)
    else if (!isSuccess) this.#checkError(operation, answer)
    return { name, body: isSuccess && !(answer instanceof Error) ? answer.body : undefined }
  }

  /** Only 503 with Retry-After says that a request can be repeated, and that nothing was done that is reported. */
  #checkError(operation: Operation, answer: Answer): void {
    const { status, headers } = answer
    if (status >= 500 && status !== 503) this.violations.push(`${operation}: ${nameOf(answer)}`)
    if (status === 503 && headers['retry-after'] === undefined) this.violations.push(`${operation}: no Retry-After`)
  }
}

function nameOf({ status, body }: Answer): string {
  return body?.code === undefined ? String(status) : `${status} ${body.code}`
}
