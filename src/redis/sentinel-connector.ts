import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'
import type { Place } from '../config/store-url.js'
import { addressOf, findMaster, type OnSentinel, type Sentinels } from './sentinels.js'

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
  readonly #fixes = new Map<string, string>()
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
      if (problem === undefined) this.#fixes.delete(address)
      else if (this.#fixes.get(address) !== problem.fix) {
        this.#fixes.set(address, problem.fix)
        emit('sentinelError', new Error(`The Sentinel at ${address} ${problem.is}. ${problem.fix}.`))
      }
    }
  }
}
