import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'

export interface RefreshCookieOptions {
  cookie: Config['cookie']
}

/** The one place that writes the cookies of this service (ASVS 3.3.1 to 3.3.5). */
export const refreshCookie = fp(
  async (app: FastifyInstance, { cookie }: RefreshCookieOptions) => {
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

    app.decorateReply('setRefreshCookie', function (this: FastifyReply, token, maxAgeSeconds) {
      const options = { ...refreshAttributes, ...(maxAgeSeconds !== undefined && { maxAge: maxAgeSeconds }) }
      assertStorable(app.serializeCookie(cookie.name, token, options))
      return this.setCookie(cookie.name, token, options)
    })

    app.decorateReply('setAccessCookie', function (this: FastifyReply, token, maxAgeSeconds) {
      if (!cookie.access) return this
      const options = { ...accessAttributes, ...(maxAgeSeconds !== undefined && { maxAge: maxAgeSeconds }) }
      assertStorable(app.serializeCookie(cookie.accessName, token, options))
      return this.setCookie(cookie.accessName, token, options)
    })

    app.decorateReply('setDeviceCookie', function (this: FastifyReply, value, maxAgeSeconds) {
      const options = { ...refreshAttributes, maxAge: maxAgeSeconds }
      assertStorable(app.serializeCookie(cookie.deviceName, value, options))
      return this.setCookie(cookie.deviceName, value, options)
    })

    app.decorateReply('clearRefreshCookie', function (this: FastifyReply) {
      return this.clearCookie(cookie.name, refreshAttributes)
    })

    app.decorateReply('clearAccessCookie', function (this: FastifyReply) {
      return cookie.access ? this.clearCookie(cookie.accessName, accessAttributes) : this
    })
  },
  { name: 'refresh-cookie', fastify: '5.x' },
)

const COOKIE_MAX_BYTES = 4096

/** A browser drops a larger one without a word, and the user would be signed out for no visible reason. */
function assertStorable(header: string): void {
  const size = Buffer.byteLength(header)
  if (size > COOKIE_MAX_BYTES) throw new Error(`A cookie of ${size} bytes does not fit into a browser.`)
}

declare module 'fastify' {
  interface FastifyReply {
    /** Without an age it is a session cookie, which ends with the browser. */
    setRefreshCookie(token: string, maxAgeSeconds: number | undefined): FastifyReply
    /** By it the browser proves an earlier sign-in. Nothing clears it: signing out does not make a browser unknown. */
    setDeviceCookie(value: string, maxAgeSeconds: number): FastifyReply
    /** Tells the browser to forget it; the attributes are those it was set with. */
    clearRefreshCookie(): FastifyReply
    /** The same for the access token. Does nothing unless ACCESS_COOKIE is on. */
    setAccessCookie(token: string, maxAgeSeconds: number | undefined): FastifyReply
    /** Does nothing unless ACCESS_COOKIE is on. */
    clearAccessCookie(): FastifyReply
  }
}
