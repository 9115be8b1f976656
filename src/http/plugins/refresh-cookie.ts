import fastifyCookie, { type CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config/config.js'
import { newMark, slotName, writeSlot } from '../refresh-slots.js'

export interface RefreshCookieOptions {
  cookie: Config['cookie']
  publicOrigin: string
  publicPath: string
  /** Whether this deployment made a refresh token. */
  isOwnToken(token: string): boolean
  /** In which slot a refresh token of this deployment stands. */
  slotOf(token: string): string
}

/**
 * The one place that writes the cookies of this service (ASVS 3.3.1 to 3.3.5). A name that came several times, after
 * COOKIE_DOMAIN or COOKIE_PATH was changed, is cleared everywhere but where it is set, so that it comes once again.
 */
export const refreshCookie = fp(
  async (app: FastifyInstance, { cookie, publicOrigin, publicPath, isOwnToken, slotOf }: RefreshCookieOptions) => {
    // What browsers sent is read by sent-cookies.ts.
    await app.register(fastifyCookie, { hook: false })

    const refreshAttributes = {
      httpOnly: true,
      secure: cookie.secure,
      sameSite: cookie.sameSite,
      path: cookie.path,
      ...(cookie.domain !== undefined && { domain: cookie.domain }),
    }
    // Server-rendered pages must get it when someone follows a link to them, whatever their path.
    const accessAttributes = {
      httpOnly: true,
      secure: cookie.secure,
      sameSite: 'lax' as const,
      path: '/',
      ...(cookie.domain !== undefined && { domain: cookie.domain }),
    }

    const host = new URL(publicOrigin).hostname

    /** @param url whose paths a cookie of this name may have */
    function clearElsewhere(reply: FastifyReply, name: string, attributes: CookieSerializeOptions, url: string): void {
      if (name.startsWith('__Host-')) return
      const refreshTokens = reply.request.refreshCookies()
      // A parent domain may hold the cookie of another deployment, and nobody is to be signed out there.
      const parents = refreshTokens.length > 1 && refreshTokens.every(isOwnToken)
      const present = { domain: cookie.domain, path: attributes.path! }
      for (const { domain, path } of cookieScopes(url, host, present, parents)) {
        if (domain === present.domain && path === present.path) continue
        const { domain: _present, ...others } = attributes
        reply.clearCookie(name, { ...others, path, ...(domain !== undefined && { domain }) })
      }
    }

    /**
     * Those that the request showed and the answer does not set. What another answer sets meanwhile stays. Where
     * COOKIE_DOMAIN or COOKIE_PATH was changed, slots of before stay until they expire: to clear them at every place takes
     * more headers than proxies let through, and an older token beside a younger one does no harm.
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

      // The same token keeps its mark, so that marks differ only where tokens were handed out twice.
      const slot = slotOf(token)
      const mark = this.request.refreshMark(token) ?? newMark()
      this.setCookie(slotName(cookie.name, slot), writeSlot({ token, mark }), options)
      clearSlots(this, slot)
      // Whoever has this token is not the one who lacked a newer one.
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
        // Its user gets in all the same: the token is in the answer, too. An earlier one may not stay in its place.
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
  { name: 'refresh-cookie', fastify: '5.x', dependencies: ['sent-cookies'] },
)

const COOKIE_MAX_BYTES = 4096

/** A browser drops a larger one without a word. */
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
     * Sets the refresh token under its name and in its slot. Without an age it is a session cookie, which ends with the
     * browser.
     */
    setRefreshCookie(token: string, maxAgeSeconds: number | undefined): FastifyReply
    /** With the refusal of a superseded refresh token. */
    setTicketCookie(ticket: string, maxAgeSeconds: number): FastifyReply
    /** By it the browser proves an earlier sign-in. Nothing clears it: signing out does not make a browser unknown. */
    setDeviceCookie(value: string, maxAgeSeconds: number): FastifyReply
    /** Tells the browser to forget it, wherever this service may have put it. */
    clearRefreshCookie(): FastifyReply
    /**
     * The same for the access token. Does nothing unless ACCESS_COOKIE is on, and clears the cookie if the token is too
     * long for one.
     */
    setAccessCookie(token: string, maxAgeSeconds: number | undefined): FastifyReply
    /** Does nothing unless ACCESS_COOKIE is on. */
    clearAccessCookie(): FastifyReply
  }
}

/** Where a browser may keep a cookie. It keeps one of the same name for each domain and each path. */
export interface CookieScope {
  /** Undefined for the host that set it alone. */
  domain: string | undefined
  path: string
}

/**
 * The places where a browser may keep cookies of ours that it sends to an address: earlier values of COOKIE_DOMAIN and
 * COOKIE_PATH put them there. The header Cookie does not say where a cookie is from, so each place must be cleared. A
 * browser ignores those that it does not let us write to (a top-level domain).
 *
 * @param url of the request, as browsers see it
 * @param host of PUBLIC_ORIGIN
 * @param parents whether parents of the host count too. They may hold the cookie of another deployment.
 */
function cookieScopes(url: string, host: string, present: CookieScope, parents: boolean): CookieScope[] {
  const domains = new Set([undefined, present.domain, ...(parents ? parentDomains(host) : [])])
  const paths = new Set(['/', present.path, ...parentPaths(present.path), ...parentPaths(url.replace(/[?#].*$/, ''))])
  return [...domains].flatMap(domain => [...paths].map(path => ({ domain, path })))
}

/** `auth.example.com` and `example.com`. An address or a name without a dot has none. */
function parentDomains(host: string): string[] {
  if (!/[a-z]/.test(host) || host.startsWith('[')) return []
  const labels = host.split('.')
  return labels.slice(0, -1).map((_label, index) => labels.slice(index).join('.'))
}

/** For `/auth/refresh`: `/auth`, `/auth/` and `/auth/refresh`. Browsers take a slash at the end for another path. */
function parentPaths(path: string): string[] {
  const parts = path.split('/').slice(1, MAX_DEPTH + 1)
  return parts.flatMap((_part, index) => {
    const upTo = `/${parts.slice(0, index + 1).join('/')}`
    return upTo.endsWith('/') || index === parts.length - 1 ? [upTo] : [upTo, `${upTo}/`]
  })
}

const MAX_DEPTH = 4
