import { readFileSync } from 'node:fs'
import { codeOf } from '../lib/error-facts.js'
import { InvalidValue, type Kind } from './setting.js'

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): Kind<number> {
  const accepts = `a whole number from ${min} to ${max}`
  return {
    accepts,
    parse(text) {
      const value = Number(text)
      if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidValue(`must be ${accepts}`)
      return value
    },
  }
}

export const onOff: Kind<boolean> = {
  accepts: 'on or off',
  parse(text) {
    if (text === 'on' || text === 'true') return true
    if (text === 'off' || text === 'false') return false
    throw new InvalidValue('must be on or off (true and false are accepted too)')
  },
}

/** One of several words, in this exact spelling. */
export function oneOf<const Word extends string>(...words: Word[]): Kind<Word> {
  const accepts = words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return {
    accepts,
    parse(text) {
      const word = words.find(candidate => candidate === text)
      if (word === undefined) throw new InvalidValue(`must be ${accepts}`)
      return word
    },
  }
}

/** Several of these words, or `none`. */
export function someOf<const Word extends string>(...words: Word[]): Kind<readonly Word[]> {
  const several = list(oneOf(...words))
  return {
    accepts: `none, or a comma-separated list of ${words.slice(0, -1).join(', ')} and ${words.at(-1)}`,
    parse: text => (text === 'none' ? [] : [...new Set(several.parse(text))]),
  }
}

/** Text that matches a pattern; `accepts` describes the pattern. */
export function text(accepts: string, pattern: RegExp): Kind<string> {
  return {
    accepts,
    parse(value) {
      if (!pattern.test(value)) throw new InvalidValue(`must be ${accepts}`)
      return value
    },
  }
}

/** The path of a PEM file of certificates. It is read at start, so that a wrong path is reported at once. */
export const certificateFile: Kind<string> = {
  accepts: 'the path of a PEM file',
  parse(path) {
    let content: string
    try {
      content = readFileSync(path, 'utf8')
    } catch (error) {
      throw new InvalidValue(`must be the path of a PEM file; the file cannot be read (${codeOf(error)})`)
    }
    if (!content.includes('-----BEGIN CERTIFICATE-----')) {
      throw new InvalidValue('must be the path of a PEM file; the file does not contain "-----BEGIN CERTIFICATE-----"')
    }
    return path
  },
}

/** Several values of one kind, separated by commas. The default '' is the empty list. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    accepts: `a comma-separated list, each ${kind.accepts}`,
    parse: text =>
      text === '' ? [] : text.split(',').map((entry, index) => parseEntry(kind, entry.trim(), index + 1)),
  }
}

function parseEntry<T>(kind: Kind<T>, text: string, entry: number): T {
  if (text === '') throw new InvalidValue('is empty: remove the extra comma', entry, text)
  try {
    return kind.parse(text)
  } catch (error) {
    if (error instanceof InvalidValue) throw new InvalidValue(error.message, entry, text)
    throw error
  }
}

const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration in milliseconds, within bounds that are written as in the environment, such as '10s'. */
export function durationMs(min: string, max: string): Kind<number> {
  const accepts = `a duration from ${min} to ${max}`
  const minMs = toMs(min)
  const maxMs = toMs(max)
  return {
    accepts,
    parse(text) {
      const ms = text === '0' ? 0 : toMs(text)
      if (ms < minMs || ms > maxMs) throw new InvalidValue(`must be ${accepts}`)
      return ms
    },
  }
}

/** As {@link durationMs}, in whole seconds. */
export function durationSeconds(min: string, max: string): Kind<number> {
  const { accepts, parse } = durationMs(min, max)
  return {
    accepts,
    parse(text) {
      const ms = parse(text)
      if (ms % 1000 !== 0) throw new InvalidValue('must be whole seconds, such as 1s')
      return ms / 1000
    },
  }
}

function toMs(text: string): number {
  // Some programs read a number without a unit as seconds, others as milliseconds, so do not guess.
  if (/^\d+$/.test(text)) throw new InvalidValue(`needs a unit: write ${text}s for seconds or ${text}m for minutes`)
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  if (!match)
    throw new InvalidValue('must be a whole number with one unit (ms, s, m, h or d), such as 500ms, 15m or 7d')
  return Number(match[1]) * unitsMs[match[2]!]!
}

const MIN_BYTES = 32
const MAX_SECRETS = 4

/** `new,old`: the first secret creates, all of them verify. No message shows any part of a secret. */
export const secrets: Kind<readonly string[]> = {
  accepts: `1 to ${MAX_SECRETS} secrets, separated by commas, each at least ${MIN_BYTES} bytes`,
  parse(text) {
    const list = text.split(',').map(secret => secret.trim())
    if (list.length > MAX_SECRETS) {
      throw new InvalidValue(`must contain at most ${MAX_SECRETS} secrets, separated by commas: remove the oldest`)
    }
    for (const [index, secret] of list.entries()) checkSecret(secret, index + 1)
    if (new Set(list).size < list.length) throw new InvalidValue('contains the same secret twice: remove one')
    return list
  },
}

function checkSecret(secret: string, entry: number): void {
  if (secret === '') throw new InvalidValue('is empty: remove the extra comma', entry)
  if (Buffer.byteLength(secret) < MIN_BYTES) {
    throw new InvalidValue(`must be at least ${MIN_BYTES} bytes: create one with "openssl rand -base64 48"`, entry)
  }
  if (new Set(secret).size === 1) {
    throw new InvalidValue('must not repeat a single character: create one with "openssl rand -base64 48"', entry)
  }
}
