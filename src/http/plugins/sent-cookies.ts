import { randomBytes } from 'node:crypto'
import { fastifyCookie } from '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config/config.js'

export interface SentCookiesOptions {
  cookie: Pick<Config['cookie'], 'name' | 'accessName' | 'deviceName' | 'ticketName' | 'access'>
}

/**
 * Reads the cookies of a request. They are parsed only when one is read, because most requests need none. Nothing is
 * decoded: our cookies contain no percent signs, and a token has one spelling.
 *
 * A name can appear several times. A browser keeps a cookie for each domain and path, so it sends the old and the new one
 * after COOKIE_DOMAIN or COOKIE_PATH was changed, and another service on the same domain can use the same name. The
 * header does not tell them apart, so all values are candidates.
 */
export const sentCookies = fp(
  async (app: FastifyInstance, { cookie }: SentCookiesOptions) => {
    const slotsOf = new WeakMap<FastifyRequest, readonly SlotCookie[]>()

    /** Reads each cookie only once, because a client can send thousands. */
    function readSlots(header: string | undefined): readonly SlotCookie[] {
      // Nearly every request without a slot has no refresh cookie.
      if (!header?.includes(`${cookie.name}-`)) return NO_SLOTS
      const slots: SlotCookie[] = []
      for (const pair of header.split(';')) {
        const [name = '', value] = pair.split('=', 2)
        const slot = slotOfCookie(cookie.name, name.trim())
        const read = slot === undefined || value === undefined ? undefined : readSlot(value.trim())
        if (slot !== undefined && read && slots.length < MAX_SLOTS) slots.push({ ...read, slot })
      }
      return slots
    }

    app.decorateRequest('sentCookies', function (this: FastifyRequest, name) {
      return valuesOf(this.headers.cookie, name)
    })

    app.decorateRequest('refreshSlots', function (this: FastifyRequest) {
      let slots = slotsOf.get(this)
      if (!slots) {
        slots = readSlots(this.headers.cookie)
        slotsOf.set(this, slots)
      }
      return slots
    })

    app.decorateRequest('refreshCookies', function (this: FastifyRequest) {
      return [...new Set([...this.sentCookies(cookie.name), ...this.refreshSlots().map(({ token }) => token)])]
    })

    app.decorateRequest('refreshMark', function (this: FastifyRequest, token) {
      return this.refreshSlots().find(slot => slot.token === token)?.mark ?? null
    })

    app.decorateRequest('supersededTickets', function (this: FastifyRequest) {
      return this.sentCookies(cookie.ticketName)
    })

    app.decorateRequest('accessCookies', function (this: FastifyRequest) {
      return cookie.access ? this.sentCookies(cookie.accessName) : NONE
    })

    app.decorateRequest('deviceCookie', function (this: FastifyRequest) {
      const values = this.sentCookies(cookie.deviceName)
      // The value is a list separated by dots, so several values are one longer list.
      return values.length === 0 ? undefined : values.join('.')
    })
  },
  { name: 'sent-cookies', fastify: '5.x' },
)

const NONE: readonly string[] = []

/** The value of a slot, with the slot that it came from. */
type SlotCookie = Slot & { slot: string }

const NO_SLOTS: readonly SlotCookie[] = []
/** A browser has one or two, or a few more after COOKIE_DOMAIN or COOKIE_PATH was changed. */
const MAX_SLOTS = 32

/** The distinct values of a cookie, in the order in which they were sent. */
export function valuesOf(header: string | undefined, name: string): readonly string[] {
  // Nearly always the cookie is missing; then the header is not split.
  if (header === undefined || !header.includes(name)) return NONE
  const values = new Set<string>()
  for (const pair of header.split(';')) {
    if (!pair.includes(name)) continue
    const value = fastifyCookie.parse(pair, { decode: text => text })[name]
    if (value !== undefined) values.add(value)
  }
  return [...values]
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The distinct values of a cookie; there can be several. */
    sentCookies(name: string): readonly string[]
    /** The distinct refresh tokens in all cookies of the request. */
    refreshCookies(): readonly string[]
    /** The refresh tokens in slots, each with its mark and its slot. */
    refreshSlots(): readonly SlotCookie[]
    /** The mark of a refresh token; null if the token is not in a slot. */
    refreshMark(token: string): number | null
    /** The tickets that the browser received when superseded refresh tokens were refused. */
    supersededTickets(): readonly string[]
    /** The access tokens in cookies; always empty unless ACCESS_COOKIE is on. */
    accessCookies(): readonly string[]
    /** The proofs of earlier sign-ins of this browser. */
    deviceCookie(): string | undefined
  }
}

/**
 * The value of a slot. A browser has its refresh token in two cookies: in one with a fixed name, and in a slot, whose name
 * changes with each generation. An answer that arrives late overwrites the first cookie, but not a newer token in another
 * slot. So a browser never goes back to an older token, whatever the order in which the answers arrive.
 *
 * The slot also holds a mark: four random bytes, new in each answer. If two browsers use the same session, one of them
 * with stolen cookies, their marks differ from the first rotation on.
 */
interface Slot {
  token: string
  mark: number
}

/**
 * The name of a slot's cookie.
 *
 * @param name of the refresh cookie
 * @param slot three hexadecimal digits
 */
export function slotName(name: string, slot: string): string {
  return `${name}-${slot}`
}

/** The slot that a cookie name belongs to; undefined if it is not the name of a slot. */
export function slotOfCookie(name: string, cookieName: string): string | undefined {
  const slot = cookieName.startsWith(`${name}-`) ? cookieName.slice(name.length + 1) : ''
  return /^[0-9a-f]{3}$/.test(slot) ? slot : undefined
}

export function writeSlot({ token, mark }: Slot): string {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(mark)
  return `${token}.${bytes.toString('base64url')}`
}

/** Undefined if the value does not have the format of a slot. */
export function readSlot(value: string): Slot | undefined {
  const [, token, mark] = /^([\w-]{1,256})\.([\w-]{6})$/.exec(value) ?? []
  return token === undefined || mark === undefined
    ? undefined
    : { token, mark: Buffer.from(mark, 'base64url').readInt32BE() }
}

export function newMark(): number {
  return randomBytes(4).readInt32BE()
}
