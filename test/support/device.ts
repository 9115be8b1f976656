import type { FastifyInstance, LightMyRequestResponse } from 'fastify'

export const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'
export const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'
export const IPAD =
  'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1'

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/**
 * A browser on one device with a page of the application. The browser keeps the cookies that it gets and sends them
 * back; the page keeps the last access token in memory.
 */
export class Device {
  readonly cookies = new Map<string, string>()
  accessToken: string | undefined
  sessionId: string | undefined

  constructor(
    readonly app: FastifyInstance,
    readonly userAgent: string,
  ) {}

  get(url: string) {
    return this.send('GET', url)
  }

  post(url: string, payload?: object) {
    return this.send('POST', url, payload)
  }

  delete(url: string) {
    return this.send('DELETE', url)
  }

  logIn(email: string, password: string) {
    return this.post('/auth/login', { email, password })
  }

  refresh() {
    return this.post('/auth/refresh')
  }

  /** What a gateway answers to the page's access token: 200, or the error code. */
  async verified(app = this.app): Promise<number | string> {
    const answer = await app.inject({ url: '/auth/verify', headers: this.#credentials() })
    return answer.statusCode === 200 ? 200 : answer.json().code
  }

  /** A thief's browser, with a copy of the cookies and the access token. */
  copy(): Device {
    const copy = new Device(this.app, 'curl/8.5.0')
    for (const [name, value] of this.cookies) copy.cookies.set(name, value)
    copy.accessToken = this.accessToken
    copy.sessionId = this.sessionId
    return copy
  }

  async send(method: Method, url: string, payload?: object): Promise<LightMyRequestResponse> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = {
      'user-agent': this.userAgent,
      'sec-fetch-site': 'same-origin',
      ...(cookie && { cookie }),
      ...this.#credentials(),
    }
    const answer = await this.app.inject({ method, url, headers, ...(payload && { payload }) })
    for (const { name, value, maxAge } of answer.cookies) {
      if (value === '' || maxAge === 0) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const body = String(answer.headers['content-type']).includes('json') ? answer.json() : {}
    if (answer.statusCode < 300 && body.access_token) {
      this.accessToken = body.access_token
      this.sessionId = body.session_id
    }
    return answer
  }

  #credentials(): Record<string, string> {
    return this.accessToken === undefined ? {} : { authorization: `Bearer ${this.accessToken}` }
  }
}
