import type { AxiosInstance, AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import { asksForPassword, unlessAborted } from './authorized-fetch.js'
import type { AuthClient } from './types.js'

/** What this package notes at a request: the token that it sent, and whether that was the second time. */
type SentConfig = InternalAxiosRequestConfig & { latchkey?: { token: string; isRepeated: boolean } }

/**
 * Lets an instance of axios send the access token, as `client.fetch` does: to the allowed origins, and not if a request
 * has an Authorization header. A request that is refused with 401 is sent once more with a newer token.
 *
 * @returns a function that removes it from the instance
 */
export function attach(instance: AxiosInstance, client: AuthClient): () => void {
  const { request, response } = instance.interceptors

  const onRequest = request.use(async (config: SentConfig) => {
    if (config.headers.has('authorization') || !client.allows(instance.getUri(config))) return config
    const token = await tokenFor(config)
    return token ? withToken(config, token, false) : config
  })

  const onResponse = response.use(
    async answer => (await sentAgain(answer)) ?? answer,
    async (error: { response?: AxiosResponse }) => {
      const later = error.response && (await sentAgain(error.response))
      if (later) return later
      throw error
    },
  )

  /** The answer to the request that is sent once more; undefined if it is not. */
  async function sentAgain({ config, status, headers }: AxiosResponse): Promise<AxiosResponse | undefined> {
    const sent = (config as SentConfig).latchkey
    if (!sent) return
    const insteadOf = sent.token
    // In the background: what it cannot do now, the next request does.
    if (headers['x-token-refresh-required']) client.getAccessToken({ insteadOf }).catch(() => {})
    const isRefused = status === 401 && !asksForPassword(headers['www-authenticate'])
    if (!isRefused || sent.isRepeated || config.data instanceof ReadableStream) return
    const token = await tokenFor(config, { insteadOf })
    // An aborted one too, because axios then throws its own error.
    if (config.signal?.aborted) return instance.request(config)
    if (!token || token === insteadOf) return
    // The body is what was sent the first time.
    return instance.request({ ...withToken(config, token, true), transformRequest: [] })
  }

  /** Undefined too if the request is aborted meanwhile: axios throws its own error before it sends it. */
  function tokenFor({ signal }: SentConfig, options?: { insteadOf: string }): Promise<string | undefined> {
    return unlessAborted(client.getAccessToken(options), signal as AbortSignal | undefined).catch(error => {
      if (signal?.aborted) return undefined
      throw error
    })
  }

  return () => {
    request.eject(onRequest)
    response.eject(onResponse)
  }
}

function withToken(config: SentConfig, token: string, isRepeated: boolean): SentConfig {
  config.headers.set('Authorization', `Bearer ${token}`)
  config.latchkey = { token, isRepeated }
  return config
}
