import { Agent, request } from 'node:http'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of a body is the test's business.
  body: any
}

/** An HTTP client with one connection that it keeps open, as a browser or a gateway does. It repeats no request. */
export class HttpClient {
  readonly #agent: Agent

  /** @param localAddress - the address of this machine that it connects from */
  constructor(
    readonly url: string,
    localAddress?: string,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ...(localAddress && { localAddress }) })
  }

  get(path: string, accessToken?: string): Promise<Answer> {
    return this.send('GET', path, accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` })
  }

  post(path: string, body: object): Promise<Answer> {
    return this.send('POST', path, { 'content-type': 'application/json' }, JSON.stringify(body))
  }

  close(): void {
    this.#agent.destroy()
  }

  /** @param path - is sent as it is, also if a URL would normalise it */
  send(method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(this.url, { path, method, headers, agent: this.#agent }, answer => {
        let text = ''
        answer.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        answer.on('end', () => {
          const isJson = text !== '' && /json/.test(answer.headers['content-type'] ?? '')
          resolve({ status: answer.statusCode!, headers: answer.headers, body: isJson ? JSON.parse(text) : text })
        })
        answer.on('error', reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
}
