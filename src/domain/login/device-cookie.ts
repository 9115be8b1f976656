import { newId, uuidFromBytes, uuidToBytes } from '../../lib/ids.js'
import { type ParsedToken, taggedTokens, uint32 } from '../../lib/tagged-token.js'
import type { AuthContext } from '../context.js'
import type { DeviceKey } from '../keys/secrets.js'

/*
 * The device cookie proves later that a user signed in to an account from this browser. It has one entry for each
 * account, separated by dots, the newest first. An entry is base64url of version (1 byte), key id (1), when it was made
 * (4, seconds since the epoch, big endian), device id (16) and tag (16): an HMAC over the rest and the id of the user.
 *
 * The entry does not contain the user's id, not even encrypted. To check an entry, the tag is computed with the id of
 * the user in question. So a person who finds an entry cannot tell whose it is, and it is useless for another account.
 */

/** A device cookie for a response. */
export interface IssuedDeviceCookie {
  cookie: string
  maxAgeSeconds: number
}

export interface DeviceSignIn {
  userId: string
  transport: 'cookie' | 'body'
  /** The device cookie that the browser sent, with entries for this account and others. */
  deviceCookie?: string | undefined
  /** False if the browser must forget the session when it closes; then it gets no device cookie either. */
  remember?: boolean | undefined
}

/** For a browser that just signed in; undefined for clients without cookies, and if no failures are counted. */
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

/** The id of the device, if its cookie proves an earlier sign-in to this account. */
export function findDeviceId(
  cookie: string | undefined,
  userId: string,
  options: DeviceCookieOptions,
): string | undefined {
  const entry = readEntries(cookie, options).find(entry => isOf(entry, userId, options.keys))
  return entry && uuidFromBytes(entry.body.subarray(4))
}

/** Whether a cookie contains an entry of the right format that has not expired; its tag is not checked. */
export function hasDeviceEntry(cookie: string | undefined, options: DeviceCookieOptions): boolean {
  return readEntries(cookie, options).length > 0
}

export interface DeviceCookieOptions {
  keys: readonly [DeviceKey, ...DeviceKey[]]
  /** How long an entry is valid. */
  maxAgeSeconds: number
  /** Milliseconds since the epoch. */
  now: number
}

const FORMAT = taggedTokens({ version: 1, hasKeyId: true, bodyBytes: 20 })
/** Enough for a family that shares a computer; the entries of a computer in a library are soon replaced. */
const MAX_ENTRIES = 5
const MAX_READ_ENTRIES = 4 * MAX_ENTRIES

/**
 * The cookie for a browser that just signed in to an account, with a new device id. Its entries for other accounts stay
 * as they are.
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
 * The entries of the right format that have not expired; their tags are not checked. A browser may send several
 * cookies, for example old ones or ones that an attacker set, so more entries are read than one cookie holds.
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
