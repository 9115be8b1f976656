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

/** Both are parts of sentences. */
export interface SentinelProblem {
  is: string
  fix: string
}

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
    onSentinel(place, named === undefined ? unknownName(master) : undefined)
    return named
  } catch (error) {
    if (!signal.aborted) onSentinel(place, explain(cause ?? (error as Error), tls !== undefined))
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

function unknownName(master: string): SentinelProblem {
  return { is: `knows no master named ${JSON.stringify(master)}`, fix: 'Correct REDIS_SENTINEL_MASTER' }
}

/** Never repeats what a Sentinel was sent. */
function explain(error: Error, isTls: boolean): SentinelProblem {
  const { message, code = '' } = error as NodeJS.ErrnoException
  if (message.startsWith('NOAUTH')) return { is: 'wants a password', fix: 'Set REDIS_SENTINEL_PASSWORD' }
  if (message.startsWith('WRONGPASS')) {
    return {
      is: 'refuses the password',
      fix: 'Correct REDIS_SENTINEL_PASSWORD and REDIS_SENTINEL_USERNAME; those in REDIS_URL are for Redis itself',
    }
  }
  if (message.startsWith('NOPERM')) {
    return {
      is: 'denies its user the command "sentinel get-master-addr-by-name"',
      fix: 'Grant it what docs/configuration.md lists under "Rights"',
    }
  }
  if (/^ERR unknown command/i.test(message)) {
    return {
      is: 'is a Redis and no Sentinel',
      fix: 'Name the Sentinels in REDIS_URL (their port is usually 26379), or unset REDIS_SENTINEL_MASTER',
    }
  }
  if (/^ERR_(TLS|SSL)_|CERT|SELF_SIGNED|_SIGNATURE$/.test(code)) {
    return { is: `can't be reached by TLS (${message})`, fix: 'Correct REDIS_CA_FILE, REDIS_URL or REDIS_SENTINEL_TLS' }
  }
  const tls = isTls
    ? ', or set REDIS_SENTINEL_TLS=off if it speaks no TLS'
    : ', or set REDIS_SENTINEL_TLS=on if it wants TLS'
  const reason = message === 'Command timed out' ? 'no answer in time' : message
  return { is: `can't be reached (${reason})`, fix: `Start it, or correct REDIS_URL${tls}` }
}
