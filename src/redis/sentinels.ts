import { isIP } from 'node:net'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { Redis } from 'ioredis'
import type { Place } from '../config/store-url.js'

/** Who knows where the master of a Redis is, and how they are asked. */
export interface Sentinels {
  places: readonly Place[]
  /** The name under which they watch the master. */
  master: string
  username?: string | undefined
  password?: string | undefined
  tls: TlsOptions | undefined
  /** 4 or 6 for one kind of address alone. */
  family: 0 | 4 | 6
}

/** What is wrong with one Sentinel; undefined if it gave an answer. */
export type OnSentinel = (place: Place, problem: SentinelProblem | undefined) => void

export interface NamedMaster extends Place {
  /** Whether more than half of all Sentinels name it. */
  isAgreed: boolean
}

/**
 * Asks all Sentinels at once, and answers what most of them name: a single one may be cut off from the others and know
 * nothing of a failover. Answers as soon as more than half agree, and undefined if none names a master.
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

/** As one writes it. */
export function addressOf({ host, port }: Place): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** Like every command to Redis itself. */
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
  // The command fails because the connection is closed; why that is comes by the event alone.
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
    if (!signal.aborted) onSentinel(place, explainSentinelError(cause ?? (error as Error), tls !== undefined))
    return undefined
  } finally {
    signal.removeEventListener('abort', stop)
    client.disconnect()
  }
}

/** An address that can't be one would be an error where a connection is made. */
function readAnswer(answer: unknown): Place | undefined {
  const [host, port] = Array.isArray(answer) ? answer.map(String) : []
  return host && /^[1-9]\d{0,4}$/.test(port ?? '') && Number(port) < 65_536 ? { host, port: Number(port) } : undefined
}

type Emit = Parameters<AbstractConnector['connect']>[0]
/** Hears of the master each time before it is connected to, and undefined if no Sentinel names one. */
type OnNamed = (master: Place | undefined) => void

/** What ioredis makes its connections by, when Sentinels say where the master is. */
export function connectorOf(sentinels: Sentinels, onNamed: OnNamed): NonNullable<RedisOptions['Connector']> {
  return class extends SentinelConnector {
    constructor(options: unknown) {
      super(options as RedisOptions, sentinels, onNamed)
    }
  }
}

/** How often it is asked whether the master is still the master. One that was replaced may go on answering. */
const WATCH_MS = 2000

/**
 * The way to the master that Sentinels name. The connector of ioredis itself does not tell why a Sentinel can't be
 * reached, and its detection of failovers may end a client for ever when it comes in the middle of a reconnection.
 *
 * What is wrong with a Sentinel is emitted as `sentinelError`, once until that Sentinel answers or has another problem.
 */
class SentinelConnector extends AbstractConnector {
  readonly #options: RedisOptions
  readonly #sentinels: Sentinels
  readonly #onNamed: OnNamed
  /** Of each Sentinel that has a problem. */
  readonly #problems = new Map<string, string>()
  #stopped = new AbortController()

  constructor(options: RedisOptions, sentinels: Sentinels, onNamed: OnNamed) {
    super(options.disconnectTimeout ?? 2000)
    this.#options = options
    this.#sentinels = sentinels
    this.#onNamed = onNamed
  }

  /** Whether what answers is a master. A user that may not ask for INFO learns it from the first write. */
  override check({ role = 'master' }: { role?: string }): boolean {
    return role === 'master'
  }

  override disconnect(): void {
    this.#stopped.abort()
    super.disconnect()
  }

  /** Does not reject unless it is stopped: ioredis would give up for ever. */
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
      // The words by which ioredis knows a wanted end.
      if (signal.aborted) throw new Error('Connection is closed.')
    }
  }

  #open({ host, port }: Place): Socket {
    const { family = 0, tls } = this.#options
    const place = { host, port, family }
    return tls === undefined ? createConnection(place) : connectTls({ ...place, ...(tls as TlsOptions) })
  }

  /** Ends the connection when the Sentinels name another master: what the former one is told will be lost. */
  async #watch(stream: Socket, { host, port }: Place, emit: Emit, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(WATCH_MS * (0.9 + 0.2 * Math.random()), undefined, { signal, ref: false }).catch(() => {})
      if (signal.aborted) return
      const named = await findMaster(this.#sentinels, signal, this.#reportTo(emit))
      if (named?.isAgreed && (named.host !== host || named.port !== port)) {
        stream.destroy(new Error(`the Sentinels name ${addressOf(named)} as the master now`))
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
