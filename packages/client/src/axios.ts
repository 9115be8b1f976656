import type { AxiosInstance, AxiosResponse, InternalAxiosRequestConfig } from 'axios'
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
    const token = await client.getAccessToken()
    return token ? withToken(config, token, false) : config
  })

  const onResponse = response.use(
    answer => {
      if (answer.headers['x-token-refresh-required']) renewLater(answer)
      return answer
    },
    async (error: { config?: SentConfig; response?: AxiosResponse }) => {
      const { config } = error
      const sent = config?.latchkey
      const isRefused = error.response?.status === 401 && !asksForPassword(error.response)
      if (!isRefused || !sent || sent.isRepeated || config.data instanceof ReadableStream) throw error
      const token = await client.getAccessToken({ insteadOf: sent.token })
      if (!token || token === sent.token) throw error
      return instance.request(withToken(config, token, true))
    },
  )

  /** In the background: what it cannot do now, the next request does. */
  function renewLater({ config }: { config: SentConfig }): void {
    if (config.latchkey) client.getAccessToken({ insteadOf: config.latchkey.token }).catch(() => {})
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

/** A newer sign-in is required, not a newer token (RFC 9470). */
function asksForPassword({ headers }: AxiosResponse): boolean {
  return /insufficient_user_authentication/.test(headers['www-authenticate'] ?? '')
}
