import { newId, uuidFromBytes, uuidToBytes } from '../../lib/ids.js'
import { type ParsedToken, taggedTokens, uint32 } from '../../lib/tagged-token.js'
import type { AuthContext } from '../context.js'
import type { DeviceKey } from '../keys/secrets.js'

/**
 * What a browser keeps to prove later that somebody signed in to an account from it: one entry an account, separated by
 * dots, the newest first. An entry is, in base64url, version (1 byte), key id (1), when it was made (4, seconds since
 * the epoch, big endian), device id (16) and tag (16): an HMAC over all before it and the id of the user.
 *
 * The user's id is not in it, encrypted or otherwise. Anyone who asks about a user computes the tag with that user's id;
 * so an entry says nothing to who finds it, and nobody can present it for another account.
 */
export interface DeviceCookieOptions {
  keys: readonly [DeviceKey, ...DeviceKey[]]
  /** For how long an entry counts. */
  maxAgeSeconds: number
  /** Milliseconds since the epoch. */
  now: number
}

const FORMAT = taggedTokens({ version: 1, hasKeyId: true, bodyBytes: 20 })
/** A family shares a computer; a library's is not to be remembered for long. */
const MAX_ENTRIES = 5
const MAX_READ_ENTRIES = 4 * MAX_ENTRIES

/** The id of the device if its cookie proves an earlier sign-in to this account. */
export function findDeviceId(
  cookie: string | undefined,
  userId: string,
  options: DeviceCookieOptions,
): string | undefined {
  const entry = readEntries(cookie, options).find(entry => isOf(entry, userId, options.keys))
  return entry && uuidFromBytes(entry.body.subarray(4))
}

/** Whether a cookie holds anything that has the form of an entry and is not too old, no matter who made it. */
export function hasDeviceEntry(cookie: string | undefined, options: DeviceCookieOptions): boolean {
  return readEntries(cookie, options).length > 0
}

/**
 * The cookie of a browser that just signed in to an account, with a new device id. What it kept of other accounts is
 * kept as it is.
 */
function addDevice(cookie: string | undefined, userId: string, options: DeviceCookieOptions): string {
  const others = readEntries(cookie, options).filter(entry => !isOf(entry, userId, options.keys))
  return [newEntry(userId, options), ...others.map(({ text }) => text)].slice(0, MAX_ENTRIES).join('.')
}

function newEntry(userId: string, { keys: [key], now }: DeviceCookieOptions): string {
  const body = Buffer.concat([uint32(Math.floor(now / 1000)), uuidToBytes(newId())])
  return FORMAT.write(body, key, uuidToBytes(userId))
}

/**
 * All that have the form of an entry and are not too old. Whose they are shows only when somebody asks. A browser may
 * send several cookies, old or planted ones among them, so more are read than one holds.
 */
function readEntries(cookie: string | undefined, { maxAgeSeconds, now }: DeviceCookieOptions): ParsedToken[] {
  if (cookie === undefined) return []
  return cookie
    .split('.')
    .map(text => FORMAT.parse(text))
    .filter(entry => entry !== undefined)
    .filter(({ body }) => now / 1000 - body.readUInt32BE(0) < maxAgeSeconds)
    .slice(0, MAX_READ_ENTRIES)
}

function isOf(entry: ParsedToken, userId: string, keys: readonly DeviceKey[]): boolean {
  return FORMAT.verify(entry, keys, uuidToBytes(userId)) !== undefined
}

/** What a browser is given to be known by when others try to guess the password of its account. */
export interface IssuedDeviceCookie {
  cookie: string
  maxAgeSeconds: number
}

export interface DeviceSignIn {
  userId: string
  transport: 'cookie' | 'body'
  /** What the browser kept of earlier sign-ins, to this account and to others. */
  deviceCookie?: string | undefined
  /** False for a browser that shall forget, this too. */
  remember?: boolean | undefined
}

/** For a browser that just signed in; undefined for clients that keep no cookies, and where no failures are counted. */
export function issueDeviceCookie(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  { userId, transport, deviceCookie, remember = true }: DeviceSignIn,
): IssuedDeviceCookie | undefined {
  const { failures, deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  const counted = failures > 0 || config.rateLimit.enabled
  if (transport !== 'cookie' || !remember || !counted) return undefined
  const options = { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() }
  return { cookie: addDevice(deviceCookie, userId, options), maxAgeSeconds }
}
