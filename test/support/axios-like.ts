/** What an axios interceptor is given of an answer, and of a refusal as `error.response`. */
export interface AxiosResponse {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: as axios types it.
  data: any
  config: AxiosRequest
}

export interface AxiosRequest {
  method: 'GET' | 'POST' | 'DELETE'
  url: string
  data?: object
  headers?: Record<string, string>
  /** Set by the interceptor, so that a request that is refused twice is not tried for ever. */
  retried?: boolean
}

/** How a request travels; resolves with whatever the status is. */
export type Transport = (request: AxiosRequest) => Promise<{ status: number; data: unknown }>

/**
 * A client of Simple JWT as single-page apps write it upon axios: an interceptor that refreshes at `/api/token/refresh/`
 * when a refusal has the code `token_not_valid`, keeps both new tokens, and sends the request again. It looks at nothing
 * else. (Stands in for axios, which adds only the way in which interceptors are registered.)
 */
export class SimpleJwtClient {
  /** How often it refreshed. */
  refreshes = 0

  constructor(
    private readonly transport: Transport,
    public tokens: { access: string; refresh: string },
  ) {}

  async request(config: AxiosRequest): Promise<AxiosResponse> {
    const headers = { ...config.headers, authorization: `Bearer ${this.tokens.access}` }
    const answer = await this.transport({ ...config, headers })
    const response = { ...answer, config }
    return answer.status < 400 ? response : this.#onRejected({ response })
  }

  async #onRejected(error: { response: AxiosResponse }): Promise<AxiosResponse> {
    const { data, config } = error.response
    if (data.code !== 'token_not_valid' || config.retried) throw error
    const refreshed = await this.transport({
      method: 'POST',
      url: '/api/token/refresh/',
      data: { refresh: this.tokens.refresh },
    })
    if (refreshed.status !== 200) throw error
    this.refreshes += 1
    this.tokens = refreshed.data as { access: string; refresh: string }
    return this.request({ ...config, retried: true })
  }
}
