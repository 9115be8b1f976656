// The pre-request script of the folders with requests that a client sends: gets an access token of the client, unless
// there is one that is valid for another half minute. It has no refresh token: the client asks again with its secret.

const MARGIN_MS = 30 * 1000

// Where there is no `pm`, another program has imported the collection and translated the scripts in part.
if (typeof pm === 'undefined') say('send "Get a token of the client" when the token is missing or has expired.')
else if (isUsed() && !isValid()) void getClientToken()

function isUsed() {
  return JSON.stringify(pm.request).includes('{{client_token}}')
}

function isValid() {
  return Number(pm.collectionVariables.get('client_token_expiry')) > Date.now() + MARGIN_MS
}

/** It is async only because programs that translate the script put `await` before the request. */
async function getClientToken() {
  const id = pm.environment.get('client_id')
  const secret = pm.environment.get('client_secret')
  if (!id || !secret) return say('set client_id and client_secret in the environment. The README says how to get them.')
  const sentAt = Date.now()
  const request = {
    url: `${pm.environment.get('base_url')}/oauth/token`,
    method: 'POST',
    header: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    },
    body: { mode: 'urlencoded', urlencoded: [{ key: 'grant_type', value: 'client_credentials' }] },
  }
  pm.sendRequest(request, (error, response) => {
    if (error || response.code !== 200) return say(`no token: ${error || `${response.code} ${response.text()}`}`)
    const answer = response.json()
    pm.collectionVariables.set('client_token', answer.access_token)
    pm.collectionVariables.set('client_token_expiry', String(sentAt + answer.expires_in * 1000))
    say(`got a token for ${answer.expires_in} s, with the scopes ${answer.scope}.`)
  })
}

function say(text) {
  console.log(`client-token: ${text}`)
}
