import { createConnection, isIP, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls'
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis'
import type { Place } from '../config/store-url.js'
import { withJitter } from '../lib/periodic.js'
import { CONNECTION_CLOSED } from './errors.js'
import { explainSentinelError, type SentinelProblem, unknownMaster } from './sentinel-errors.js'

/** The Sentinels that know the address of the master, and how to connect to them. */
export interface Sentinels {
  places: readonly Place[]
  /** The name of the master that they watch. */
  master: string
  username?: string | undefined
  password?: string | undefined
  tls: TlsOptions | undefined
  /** 4 or 6 for IPv4 or IPv6 only, 0 for both. */
  family: 0 | 4 | 6
}

/** Called with the problem of one Sentinel, or undefined if it answered. */
export type OnSentinel = (place: Place, problem: SentinelProblem | undefined) => void

export interface NamedMaster extends Place {
  /** Whether more than half of all Sentinels name it. */
  isAgreed: boolean
}

/**
 * Asks all Sentinels at once and returns the master that most of them name: a single one may be disconnected from the
 * others and not know of a failover. Returns as soon as more than half agree, and undefined if none names a master.
 */
export async function findMaster(
  sentinels: Sentinels,
  signal: AbortSignal,
  onSentinel: OnSentinel,
): Promise<NamedMaster | undefined> {
  const votes = new Map<string, NamedMaster & { count: number }>()
  return new Promise(resolve => {
    const asked = sentinels.places.map(async place => {
      const master = await askSentinel(place, sentinels, signal, onSentinel)
      if (master === undefined) return
      const count = (votes.get(addressOf(master))?.count ?? 0) + 1
      const isAgreed = count > sentinels.places.length / 2
      votes.set(addressOf(master), { ...master, count, isAgreed })
      if (isAgreed) resolve({ ...master, isAgreed })
    })
    void Promise.all(asked).then(() => resolve([...votes.values()].sort((x, y) => y.count - x.count)[0]))
  })
}

/** For people: `host:port`, an IPv6 address in brackets. */
export function addressOf({ host, port }: Place): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** The same as for commands to Redis itself. */
const TIMEOUT_MS = 500

async function askSentinel(
  place: Place,
  sentinels: Sentinels,
  signal: AbortSignal,
  onSentinel: OnSentinel,
): Promise<Place | undefined> {
  const { master, username, password, tls, family } = sentinels
  const client = new Redis({
    ...place,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
    family,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    disconnectTimeout: 100,
    enableReadyCheck: false,
    retryStrategy: null,
  })
  // The command fails because the connection is closed; only the event gives the reason for that.
  let cause: Error | undefined
  client.on('error', (error: Error) => {
    cause ??= error
  })
  const stop = () => client.disconnect()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const answer = await client.call('SENTINEL', 'get-master-addr-by-name', master)
    const named = readAnswer(answer)
    onSentinel(place, named === undefined ? unknownMaster(master) : undefined)
    return named
  } catch (error) {
    if (!signal.aborted) onSentinel(place, explainSentinelError(cause ?? error, tls !== undefined))
    return undefined
  } finally {
    signal.removeEventListener('abort', stop)
    client.disconnect()
  }
}

/** An invalid address would throw where the connection is opened. */
function readAnswer(answer: unknown): Place | undefined {
  const [host, port] = Array.isArray(answer) ? answer.map(String) : []
  return host && /^[1-9]\d{0,4}$/.test(port ?? '') && Number(port) < 65_536 ? { host, port: Number(port) } : undefined
}

type Emit = Parameters<AbstractConnector['connect']>[0]
/** Called with the master before each connection to it, and with undefined if no Sentinel names one. */
type OnNamed = (master: Place | undefined) => void

/** The connector that ioredis uses when Sentinels name the master. */
export function connectorOf(sentinels: Sentinels, onNamed: OnNamed): NonNullable<RedisOptions['Connector']> {
  return class extends SentinelConnector {
    constructor(options: unknown) {
      super(options as RedisOptions, sentinels, onNamed)
    }
  }
}

/** How often to ask whether the master is still the master. A master that was replaced may go on answering. */
const WATCH_MS = 2000

/**
 * Connects to the master that Sentinels name. The connector of ioredis itself does not say why a Sentinel cannot be
 * reached, and its detection of failovers may end a client for ever when it happens during a reconnection.
 *
 * The problem of a Sentinel is emitted as `sentinelError`, once until that Sentinel answers or has another problem.
 */
class SentinelConnector extends AbstractConnector {
  readonly #options: RedisOptions
  readonly #sentinels: Sentinels
  readonly #onNamed: OnNamed
  /** The last problem of each Sentinel, by its address. */
  readonly #problems = new Map<string, string>()
  #stopped = new AbortController()

  constructor(options: RedisOptions, sentinels: Sentinels, onNamed: OnNamed) {
    super(options.disconnectTimeout ?? 2000)
    this.#options = options
    this.#sentinels = sentinels
    this.#onNamed = onNamed
  }

  /** Whether the server is a master. A user without the right to INFO learns that from the first write. */
  override check({ role = 'master' }: { role?: string }): boolean {
    return role === 'master'
  }

  override disconnect(): void {
    this.#stopped.abort()
    super.disconnect()
  }

  /** Rejects only when it is stopped: after a rejection ioredis never tries again. */
  override async connect(emit: Emit): Promise<Socket> {
    const stopped = new AbortController()
    this.#stopped = stopped
    this.connecting = true
    const master = await this.#untilNamed(emit, stopped.signal)
    const stream = this.#open(master)
    this.stream = stream
    stream.once('error', error => {
      this.firstError = error
    })
    stream.once('close', () => stopped.abort())
    void this.#watch(stream, master, emit, stopped.signal)
    return stream
  }

  async #untilNamed(emit: Emit, signal: AbortSignal): Promise<Place> {
    for (let attempt = 1; ; attempt++) {
      const master = await findMaster(this.#sentinels, signal, this.#reportTo(emit))
      if (!signal.aborted) {
        this.#onNamed(master)
        if (master !== undefined) return master
        emit('error', new Error('no Sentinel names a master'))
        await sleep(this.#options.retryStrategy?.(attempt) ?? 1000, undefined, { signal }).catch(() => {})
      }
      // By this message ioredis recognises that the client was closed on purpose.
      if (signal.aborted) throw new Error(CONNECTION_CLOSED)
    }
  }

  #open({ host, port }: Place): Socket {
    const { family = 0, tls } = this.#options
    const place = { host, port, family }
    return tls === undefined ? createConnection(place) : connectTls({ ...place, ...(tls as TlsOptions) })
  }

  /** Closes the connection when the Sentinels name another master: writes to the former one would be lost. */
  async #watch(stream: Socket, { host, port }: Place, emit: Emit, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(withJitter(WATCH_MS), undefined, { signal, ref: false }).catch(() => {})
      if (signal.aborted) return
      const named = await findMaster(this.#sentinels, signal, this.#reportTo(emit))
      if (named?.isAgreed && (named.host !== host || named.port !== port)) {
        stream.destroy(new Error(`the Sentinels now name ${addressOf(named)} as the master`))
      }
    }
  }

  #reportTo(emit: Emit): OnSentinel {
    return (place, problem) => {
      const address = addressOf(place)
      if (problem === undefined) this.#problems.delete(address)
      else if (this.#problems.get(address) !== problem.fix) {
        this.#problems.set(address, problem.fix)
        emit('sentinelError', new Error(`The Sentinel at ${address} ${problem.is}. ${problem.fix}.`))
      }
    }
  }
}
