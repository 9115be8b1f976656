import axios from 'axios'

/**
 * Lets an instance of axios send the access token of Simple JWT's API, and renew it when a service refuses it.
 *
 * @param api the instance
 * @param options `tokens` is `{ access, refresh }` from `/api/token/`, and is changed here; `onSignedOut` is called when
 *   the session has ended
 */
export function attachTokens(api, { baseUrl, tokens, onSignedOut }) {
  let refreshing

  api.interceptors.request.use(config => {
    config.headers.set('Authorization', `Bearer ${tokens.access}`)
    return config
  })

  api.interceptors.response.use(undefined, async error => {
    const { config, response } = error
    if (!isTokenRefused(response) || config.isRepeated) throw error
    // One refresh for all requests that were refused meanwhile.
    refreshing ??= refresh().finally(() => {
      refreshing = undefined
    })
    await refreshing
    return api.request({ ...config, isRepeated: true })
  })

  async function refresh() {
    try {
      const { data } = await axios.post(`${baseUrl}/api/token/refresh/`, { refresh: tokens.refresh })
      Object.assign(tokens, data)
    } catch (error) {
      // Only this answer ends the session. After any other error the same refresh token is still good.
      if (isTokenRefused(error.response)) onSignedOut?.()
      throw error
    }
  }
}

function isTokenRefused(response) {
  return response?.status === 401 && response.data?.code === 'token_not_valid'
}
