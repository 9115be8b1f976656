// Runs after each request that signs in or refreshes: keeps its tokens in the environment.

if (pm.response.code < 300) {
  const answer = pm.response.json()
  if (!pm.environment.name) console.warn('No environment is chosen, so the tokens are lost. Choose "Latchkey".')
  if (!answer.refresh_token) console.warn('No refresh token: the body of the request needs "transport": "body".')
  pm.environment.set('access_token', answer.access_token)
  pm.environment.set('refresh_token', answer.refresh_token || '')
  pm.environment.set('token_expiry', String(Date.now() - pm.response.responseTime + answer.expires_in * 1000))
  pm.environment.unset('refresh_ticket')
  pm.collectionVariables.set('session_id', answer.session_id)
  pm.collectionVariables.set('user_id', answer.user.id)
}
