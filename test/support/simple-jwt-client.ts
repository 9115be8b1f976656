import axios, { type AxiosError, type AxiosInstance, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'

/**
 * A client for Simple JWT as single-page apps write it with axios: an interceptor that refreshes at
 * `/api/token/refresh/` if an error has the code `token_not_valid`, keeps both new tokens, and sends the request again.
 * It uses nothing else of an error.
 */
export class SimpleJwtClient {
  /** How many times it refreshed. */
  refreshes = 0
  readonly #axios: AxiosInstance = axios.create()
  readonly #retried = new WeakSet<InternalAxiosRequestConfig>()

  /** @param latchkey - the address of the service that refreshes */
  constructor(
    private readonly latchkey: string,
    public tokens: { access: string; refresh: string },
  ) {
    this.#axios.interceptors.request.use(request => {
      request.headers.set('authorization', `Bearer ${this.tokens.access}`)
      return request
    })
    this.#axios.interceptors.response.use(undefined, error => this.#onRejected(error))
  }

  /** @throws AxiosError, with the answer of the service as its `response` */
  get(url: string): Promise<AxiosResponse> {
    return this.#axios.get(url)
  }

  async #onRejected(error: AxiosError<{ code?: string }>): Promise<AxiosResponse> {
    const request = error.config
    if (error.response?.data.code !== 'token_not_valid' || !request || this.#retried.has(request)) throw error
    this.#retried.add(request)
    const refreshed = await axios
      .post(`${this.latchkey}/api/token/refresh/`, { refresh: this.tokens.refresh })
      .catch(() => {
        throw error
      })
    this.refreshes += 1
    this.tokens = refreshed.data
    return this.#axios.request(request)
  }
}
