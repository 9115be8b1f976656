import { fastifyCookie } from '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config/config.js'
import { readSlot, type Slot, slotOfCookie } from '../refresh-slots.js'

export interface SentCookiesOptions {
  cookie: Pick<Config['cookie'], 'name' | 'accessName' | 'deviceName' | 'ticketName' | 'access'>
}

/**
 * The cookies that a browser sent. They are parsed when somebody asks for one: most requests bring none, or ask for none.
 * Nothing is decoded: ours need no percent signs, and a token has one spelling.
 *
 * A name may come several times. A browser keeps a cookie for each domain and path, so that it sends the old one and the
 * new one after COOKIE_DOMAIN or COOKIE_PATH was changed, and a neighbour on the same domain may have one of that name
 * too. The header does not say which is which, so all values are candidates.
 */
export const sentCookies = fp(
  async (app: FastifyInstance, { cookie }: SentCookiesOptions) => {
    const slotsOf = new WeakMap<FastifyRequest, readonly SlotCookie[]>()

    /** Looks at each cookie once: anybody can send thousands of them. */
    function readSlots(header: string | undefined): readonly SlotCookie[] {
      // Nearly every request without a slot has no refresh cookie at all.
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
      // It is a list separated by dots, so several are one longer list.
      return values.length === 0 ? undefined : values.join('.')
    })
  },
  { name: 'sent-cookies', fastify: '5.x' },
)

const NONE: readonly string[] = []
/** What stood in a slot, and in which. */
type SlotCookie = Slot & { slot: string }

const NO_SLOTS: readonly SlotCookie[] = []
/** A browser has one or two, and a few more after COOKIE_DOMAIN or COOKIE_PATH was changed. */
const MAX_SLOTS = 32

/** The different values of a cookie, in the order in which they were sent. */
function valuesOf(header: string | undefined, name: string): readonly string[] {
  // Nearly always it is not there at all, which needs no splitting.
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
    /** The different values of any cookie that the browser sent, of which there may be several. */
    sentCookies(name: string): readonly string[]
    /** The different refresh tokens that the browser sent. */
    refreshCookies(): readonly string[]
    /** Those of them that stood in slots, and in which. */
    refreshSlots(): readonly SlotCookie[]
    /** What stood beside one of them in its slot; null if it stood in none. */
    refreshMark(token: string): number | null
    /** What the browser was given with refusals of superseded refresh tokens. */
    supersededTickets(): readonly string[]
    /** The access tokens that the browser sent; always empty unless ACCESS_COOKIE is on. */
    accessCookies(): readonly string[]
    /** What the browser kept of earlier sign-ins. */
    deviceCookie(): string | undefined
  }
}
