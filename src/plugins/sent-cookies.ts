import { fastifyCookie } from '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'

export interface SentCookiesOptions {
  cookie: Pick<Config['cookie'], 'name' | 'accessName' | 'deviceName' | 'access'>
}

/**
 * The cookies that a browser sent. Whoever asks for one has them parsed: most requests bring none, or ask for none.
 * Nothing is decoded: ours need no percent signs, and a token has one spelling.
 */
export const sentCookies = fp(
  async (app: FastifyInstance, { cookie }: SentCookiesOptions) => {
    app.decorateRequest('sentCookie', function (this: FastifyRequest, name) {
      const header = this.headers.cookie
      return header === undefined ? undefined : fastifyCookie.parse(header, { decode: value => value })[name]
    })

    app.decorateRequest('refreshCookie', function (this: FastifyRequest) {
      return this.sentCookie(cookie.name)
    })

    app.decorateRequest('accessCookie', function (this: FastifyRequest) {
      return cookie.access ? this.sentCookie(cookie.accessName) : undefined
    })

    app.decorateRequest('deviceCookie', function (this: FastifyRequest) {
      return this.sentCookie(cookie.deviceName)
    })
  },
  { name: 'sent-cookies', fastify: '5.x' },
)

declare module 'fastify' {
  interface FastifyRequest {
    /** The value of any cookie that the browser sent. */
    sentCookie(name: string): string | undefined
    /** The refresh token that the browser sent. */
    refreshCookie(): string | undefined
    /** The access token that the browser sent; always undefined unless ACCESS_COOKIE is on. */
    accessCookie(): string | undefined
    /** What the browser kept of earlier sign-ins. */
    deviceCookie(): string | undefined
  }
}
