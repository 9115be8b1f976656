// The pre-request script of the whole collection. If a request needs the access token of the user, and the token has
// expired or will soon, the script first exchanges the refresh token for new ones. It says in the console what it did.
// It uses callbacks, because newman 6 knows no `await` outside of functions.

/** A token is refreshed this long before it expires, or a tenth of its life before, whichever is less. */
const EARLY_MS = 60 * 1000

/** How long to wait before the same refresh token is sent again after a lost answer. */
const PAUSES_MS = [500, 2000]

const TOKENS = ['access_token', 'refresh_token', 'token_expiry']

// Where there is no `pm`, another program has imported the collection and translated the scripts in part.
if (typeof pm === 'undefined') say('this program does not refresh by itself. Send "Refresh now" when a token expires.')
else if (needsUserToken()) refreshIfDue()

/** Whether the request inherits the authorization of the collection, or names the access token anywhere. */
function needsUserToken() {
  return !pm.request.auth || JSON.stringify(pm.request).includes('{{access_token}}')
}

function refreshIfDue() {
  const accessToken = pm.environment.get('access_token')
  const refreshToken = pm.environment.get('refresh_token')
  if (!refreshToken) return accessToken ? undefined : say('nobody is signed in. Send "Log in" first.')
  const leftMs = accessToken ? expiryOf(accessToken) - Date.now() : 0
  if (leftMs > Math.min(EARLY_MS, lifeOf(accessToken) / 10)) return
  say(leftMs > 0 ? `the access token expires in ${Math.ceil(leftMs / 1000)} s.` : 'the access token has expired.')
  void refresh(refreshToken, 0)
}

/** In milliseconds since 1970, by the clock of this machine. The token itself says it by the clock of the service. */
function expiryOf(accessToken) {
  return Number(pm.environment.get('token_expiry')) || claimsOf(accessToken).exp * 1000 || 0
}

function lifeOf(accessToken) {
  const { iat, exp } = claimsOf(accessToken)
  return exp > iat ? (exp - iat) * 1000 : Number.POSITIVE_INFINITY
}

function claimsOf(accessToken) {
  try {
    return JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64').toString())
  } catch {
    return {}
  }
}

/** It is async only because programs that translate the script put `await` before the request. */
async function refresh(refreshToken, lostAnswers) {
  const sentAt = Date.now()
  const ticket = pm.environment.get('refresh_ticket')
  const body = JSON.stringify({ refresh_token: refreshToken, ...(ticket && { ticket }) })
  const request = {
    url: `${pm.environment.get('base_url')}/auth/refresh`,
    method: 'POST',
    header: { 'Content-Type': 'application/json' },
    body: { mode: 'raw', raw: body },
  }
  pm.sendRequest(request, (error, response) => {
    const answer = error ? undefined : bodyOf(response)
    if (isLost(error, response, answer)) sendAgain(refreshToken, lostAnswers, error || `status ${response.code}`)
    else if (response.code === 200) store(answer, sentAt)
    else if (response.code === 401 && answer?.code) refused(answer)
    else notNow(response, answer)
  })
}

/** The service may have made new tokens, and this client has not received them. */
function isLost(error, response, answer) {
  if (error || response.code === 502 || response.code === 504) return true
  return response.code === 200 && !(answer?.access_token && answer.refresh_token)
}

/** The answer to the same token is the same new token, so nothing is lost. */
function sendAgain(refreshToken, lostAnswers, cause) {
  const pauseMs = PAUSES_MS[lostAnswers]
  if (pauseMs === undefined) return say(`no answer (${cause}). The tokens are kept; the next request tries again.`)
  say(`no answer (${cause}). The same refresh token is sent again.`)
  setTimeout(() => void refresh(refreshToken, lostAnswers + 1), pauseMs)
}

function store(answer, sentAt) {
  pm.environment.set('access_token', answer.access_token)
  pm.environment.set('refresh_token', answer.refresh_token)
  pm.environment.set('token_expiry', String(sentAt + answer.expires_in * 1000))
  pm.environment.unset('refresh_ticket')
  say(`refreshed. The new access token is valid for ${answer.expires_in} s.`)
}

function refused({ code, title, ticket }) {
  if (code !== 'refresh_token_superseded') {
    // Any other 401 of this route means that the session has ended.
    for (const name of TOKENS) pm.environment.set(name, '')
    pm.environment.unset('refresh_ticket')
    return say(`the session has ended: ${code} (${title}). Send "Log in" to sign in again.`)
  }
  // A newer token exists. If another tab has stored it, the next request sees it, but not this script, which began
  // with the older one. Only if there is still no newer one then, the ticket is sent, which ends the session.
  if (ticket) pm.environment.set('refresh_ticket', ticket)
  say('there is a newer refresh token. Send the request again: if the newer one is not here, the session ends.')
}

/** 5xx and 429 pass; 400 and 403 are for a person. None of them ends the session, so the tokens are kept. */
function notNow(response, answer) {
  const code = answer?.code
  say(`not refreshed: ${response.code} ${code || ''}. The tokens are kept; the next request tries again.`)
  if (code === 'ambiguous_credentials')
    say('Postman sent a refresh cookie too. Delete the cookies of this host under "Cookies".')
}

function bodyOf(response) {
  try {
    return response.json()
  } catch {
    return undefined
  }
}

function say(text) {
  console.log(`auto-refresh: ${text}`)
}
