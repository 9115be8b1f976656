import { codeOf, isTlsError, messageOf } from '../lib/error-facts.js'
import { COMMAND_TIMED_OUT } from './errors.js'

/** Both are parts of sentences: "The Sentinel at … <is>. <fix>." */
export interface SentinelProblem {
  is: string
  fix: string
}

export function unknownMaster(master: string): SentinelProblem {
  return { is: `knows no master named ${JSON.stringify(master)}`, fix: 'Correct REDIS_SENTINEL_MASTER' }
}

/** Never repeats what was sent to a Sentinel, which may be a password. */
export function explainSentinelError(error: unknown, isTls: boolean): SentinelProblem {
  const message = messageOf(error)
  if (message.startsWith('NOAUTH')) return { is: 'requires a password', fix: 'Set REDIS_SENTINEL_PASSWORD' }
  if (message.startsWith('WRONGPASS')) {
    return {
      is: 'rejects the password',
      fix: 'Correct REDIS_SENTINEL_PASSWORD and REDIS_SENTINEL_USERNAME; those in REDIS_URL are for Redis itself',
    }
  }
  if (message.startsWith('NOPERM')) {
    return {
      is: 'denies its user the command "sentinel get-master-addr-by-name"',
      fix: 'Grant it the rights that docs/configuration.md lists under "Rights"',
    }
  }
  if (/^ERR unknown command/i.test(message)) {
    return {
      is: 'is a Redis server and not a Sentinel',
      fix: 'Name the Sentinels in REDIS_URL (their port is usually 26379), or unset REDIS_SENTINEL_MASTER',
    }
  }
  if (isTlsError(codeOf(error))) {
    return {
      is: `cannot be reached by TLS (${message})`,
      fix: 'Correct REDIS_CA_FILE, REDIS_URL or REDIS_SENTINEL_TLS',
    }
  }
  const tls = isTls
    ? ', or set REDIS_SENTINEL_TLS=off if it does not use TLS'
    : ', or set REDIS_SENTINEL_TLS=on if it requires TLS'
  const reason = message === COMMAND_TIMED_OUT ? 'no answer in time' : message
  return { is: `cannot be reached (${reason})`, fix: `Start it, or correct REDIS_URL${tls}` }
}
