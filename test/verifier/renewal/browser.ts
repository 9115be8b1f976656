import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRenew, type Renew, type RenewOptions } from '@latchkey/verifier/renew'
import type { Test } from 'tap'
import { Device, FIREFOX } from '../../support/device.js'
import { PASSWORD } from '../../support/people.js'
import type { Answer, Send } from '../adapters/frameworks.js'
import { type OpenService, openService } from '../adapters/open-service.js'

export const ACCESS = '__Host-latchkey-at'
export const REFRESH = '__Host-latchkey'

export interface SignedIn extends OpenService {
  browser: Device
  /** Renews at the service. */
  renew: Renew
  renewWith(options?: Partial<RenewOptions>): Renew
  /** What the renewals warned about. */
  warnings: string[]
}

/** Latchkey with access cookies, and a browser that is signed in to it. */
export async function signedIn(t: Test, overrides: NodeJS.ProcessEnv = {}): Promise<SignedIn> {
  const service = await openService(t, { ACCESS_COOKIE: 'on', ...overrides })
  const browser = new Device(service.app, FIREFOX)
  await browser.post('/auth/register', { email: 'reader@example.com', password: PASSWORD })
  const warnings: string[] = []
  const renewWith = (options: Partial<RenewOptions> = {}) =>
    createRenew({ baseUrl: service.url, warn: message => warnings.push(message), ...options })
  return { ...service, browser, renew: renewWith(), renewWith, warnings }
}

/** The header Cookie of a browser, as it sends it to every service of the host. */
export function cookieOf({ cookies }: Pick<Device, 'cookies'>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}

/** A browser stores the cookies of an answer. */
export function store({ cookies }: Pick<Device, 'cookies'>, setCookies: readonly string[]): void {
  for (const setCookie of setCookies) {
    const [pair = '', ...attributes] = setCookie.split('; ')
    const [name = '', value = ''] = pair.split('=')
    if (value === '' || attributes.includes('Max-Age=0')) cookies.delete(name)
    else cookies.set(name, value)
  }
}

/** The browser opens a page of another service of the host. */
export async function visit(
  send: Send,
  browser: Device,
  path = '/me',
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const answer = await send(path, { 'user-agent': browser.userAgent, cookie: cookieOf(browser), ...headers }, method)
  store(browser, [answer.headers['set-cookie'] ?? []].flat())
  return answer
}

/** A server that stands where Latchkey should be; returns its address. */
export async function standIn(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
