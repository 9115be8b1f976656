import fastifyCookie, { type CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config/config.js'
import { newMark, slotName, writeSlot } from './sent-cookies.js'

export interface AuthCookiesOptions {
  cookie: Config['cookie']
  publicOrigin: string
  publicPath: string
  /** Whether this deployment made a refresh token. */
  isOwnToken(token: string): boolean
  /** The slot of a refresh token of this deployment. */
  slotOf(token: string): string
}

/**
 * Writes all cookies of this service (ASVS 3.3.1 to 3.3.5). If a browser sends a name several times, after COOKIE_DOMAIN
 * or COOKIE_PATH was changed, the cookie is cleared in every scope except the one in which it is set.
 */
export const authCookies = fp(
  async (app: FastifyInstance, { cookie, publicOrigin, publicPath, isOwnToken, slotOf }: AuthCookiesOptions) => {
    // sent-cookies.ts reads cookies.
    await app.register(fastifyCookie, { hook: false })

    const refreshAttributes = {
      httpOnly: true,
      secure: cookie.secure,
      sameSite: cookie.sameSite,
      path: cookie.path,
      ...(cookie.domain !== undefined && { domain: cookie.domain }),
    }
    // Server-rendered pages must receive it when the user follows a link to them, whatever their path.
    const accessAttributes = {
      httpOnly: true,
      secure: cookie.secure,
      sameSite: 'lax' as const,
      path: '/',
      ...(cookie.domain !== undefined && { domain: cookie.domain }),
    }

    const host = new URL(publicOrigin).hostname

    /** @param url whose parent paths can have a cookie of this name */
    function clearElsewhere(reply: FastifyReply, name: string, attributes: CookieSerializeOptions, url: string): void {
      if (name.startsWith('__Host-')) return
      const refreshTokens = reply.request.refreshCookies()
      // A parent domain can hold the cookie of another deployment, whose users must not be signed out.
      const parents = refreshTokens.length > 1 && refreshTokens.every(isOwnToken)
      const present = { domain: cookie.domain, path: attributes.path! }
      for (const { domain, path } of cookieScopes(url, host, present, parents)) {
        if (domain === present.domain && path === present.path) continue
        const { domain: _present, ...others } = attributes
        reply.clearCookie(name, { ...others, path, ...(domain !== undefined && { domain }) })
      }
    }

    /**
     * Clears the slots of the request, except the one that the answer sets. Slots that another answer sets in the meantime
     * remain. After a change of COOKIE_DOMAIN or COOKIE_PATH, older slots remain until they expire: clearing them in every
     * scope needs more headers than proxies accept, and an older token beside a newer one does no harm.
     */
    function clearSlots(reply: FastifyReply, except?: string): void {
      for (const shown of new Set(reply.request.refreshSlots().map(({ slot }) => slot)))
        if (shown !== except) reply.clearCookie(slotName(cookie.name, shown), refreshAttributes)
    }

    app.decorateReply('setRefreshCookie', function (this: FastifyReply, token, maxAgeSeconds) {
      const options = { ...refreshAttributes, ...(maxAgeSeconds !== undefined && { maxAge: maxAgeSeconds }) }
      assertStorable(app.serializeCookie(cookie.name, token, options))
      if (this.request.sentCookies(cookie.name).length > 1)
        clearElsewhere(this, cookie.name, refreshAttributes, publicPath + this.request.url)
      this.setCookie(cookie.name, token, options)

      // The same token keeps its mark, so that marks differ only if a token was issued to two browsers.
      const slot = slotOf(token)
      const mark = this.request.refreshMark(token) ?? newMark()
      this.setCookie(slotName(cookie.name, slot), writeSlot({ token, mark }), options)
      clearSlots(this, slot)
      // The browser now has the newest token, so the ticket of an older one is no longer needed.
      if (this.request.supersededTickets().length > 0) this.clearCookie(cookie.ticketName, refreshAttributes)
      return this
    })

    app.decorateReply('setTicketCookie', function (this: FastifyReply, ticket, maxAgeSeconds) {
      return this.setCookie(cookie.ticketName, ticket, { ...refreshAttributes, maxAge: maxAgeSeconds })
    })

    app.decorateReply('setAccessCookie', function (this: FastifyReply, token, maxAgeSeconds) {
      if (!cookie.access) return this
      const options = { ...accessAttributes, ...(maxAgeSeconds !== undefined && { maxAge: maxAgeSeconds }) }
      if (!isStorable(app.serializeCookie(cookie.accessName, token, options))) {
        // The user is signed in all the same: the answer contains the token too. An earlier cookie must not remain.
        app.log.warn('the access token is too long for a cookie, so no cookie was set')
        return this.clearAccessCookie()
      }
      if (this.request.accessCookies().length > 1) clearElsewhere(this, cookie.accessName, accessAttributes, '/')
      return this.setCookie(cookie.accessName, token, options)
    })

    app.decorateReply('setDeviceCookie', function (this: FastifyReply, value, maxAgeSeconds) {
      const options = { ...refreshAttributes, maxAge: maxAgeSeconds }
      assertStorable(app.serializeCookie(cookie.deviceName, value, options))
      return this.setCookie(cookie.deviceName, value, options)
    })

    app.decorateReply('clearRefreshCookie', function (this: FastifyReply) {
      this.clearCookie(cookie.name, refreshAttributes)
      clearElsewhere(this, cookie.name, refreshAttributes, publicPath + this.request.url)
      clearSlots(this)
      if (this.request.supersededTickets().length > 0) this.clearCookie(cookie.ticketName, refreshAttributes)
      return this
    })

    app.decorateReply('clearAccessCookie', function (this: FastifyReply) {
      if (!cookie.access) return this
      this.clearCookie(cookie.accessName, accessAttributes)
      clearElsewhere(this, cookie.accessName, accessAttributes, '/')
      return this
    })
  },
  { name: 'auth-cookies', fastify: '5.x', dependencies: ['sent-cookies'] },
)

const COOKIE_MAX_BYTES = 4096

/** Browsers silently drop a larger cookie. */
function isStorable(header: string): boolean {
  return Buffer.byteLength(header) <= COOKIE_MAX_BYTES
}

function assertStorable(header: string): void {
  if (!isStorable(header))
    throw new Error(`The cookie has ${Buffer.byteLength(header)} bytes; browsers store at most ${COOKIE_MAX_BYTES}.`)
}

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Sets the refresh token in the cookie with the fixed name and in its slot. Without an age they are session cookies,
     * which end when the browser is closed.
     */
    setRefreshCookie(token: string, maxAgeSeconds: number | undefined): FastifyReply
    /** Sets the ticket when a superseded refresh token is refused. */
    setTicketCookie(ticket: string, maxAgeSeconds: number): FastifyReply
    /** Sets the proof of an earlier sign-in. It is never cleared: after signing out, a browser is still known. */
    setDeviceCookie(value: string, maxAgeSeconds: number): FastifyReply
    /** Clears the refresh token, in every scope that this service can have used, and its slots and the ticket. */
    clearRefreshCookie(): FastifyReply
    /**
     * Sets the access token. Does nothing unless ACCESS_COOKIE is on. Clears the cookie instead if the token is too long
     * for one.
     */
    setAccessCookie(token: string, maxAgeSeconds: number | undefined): FastifyReply
    /** Clears the access token. Does nothing unless ACCESS_COOKIE is on. */
    clearAccessCookie(): FastifyReply
  }
}

/** The scope of a cookie. A browser keeps one cookie of the same name for each scope. */
export interface CookieScope {
  /** Undefined for a cookie of its host only. */
  domain: string | undefined
  path: string
}

/**
 * The scopes in which a browser can have cookies of ours for a URL, from earlier values of COOKIE_DOMAIN and COOKIE_PATH.
 * The header Cookie does not contain the scope, so each one must be cleared. Browsers ignore scopes that the host cannot
 * write to (a top-level domain).
 *
 * @param url of the request, as browsers see it
 * @param host of PUBLIC_ORIGIN
 * @param parents whether to include parent domains, which can hold the cookie of another deployment
 */
function cookieScopes(url: string, host: string, present: CookieScope, parents: boolean): CookieScope[] {
  const domains = new Set([undefined, present.domain, ...(parents ? parentDomains(host) : [])])
  const paths = new Set(['/', present.path, ...parentPaths(present.path), ...parentPaths(url.replace(/[?#].*$/, ''))])
  return [...domains].flatMap(domain => [...paths].map(path => ({ domain, path })))
}

/** For `auth.example.com`: itself and `example.com`. None for an IP address or a name without a dot. */
function parentDomains(host: string): string[] {
  if (!/[a-z]/.test(host) || host.startsWith('[')) return []
  const labels = host.split('.')
  return labels.slice(0, -1).map((_label, index) => labels.slice(index).join('.'))
}

/** For `/auth/refresh`: `/auth`, `/auth/` and `/auth/refresh`. For browsers, a slash at the end makes another path. */
function parentPaths(path: string): string[] {
  const parts = path.split('/').slice(1, MAX_DEPTH + 1)
  return parts.flatMap((_part, index) => {
    const upTo = `/${parts.slice(0, index + 1).join('/')}`
    return upTo.endsWith('/') || index === parts.length - 1 ? [upTo] : [upTo, `${upTo}/`]
  })
}

const MAX_DEPTH = 4
