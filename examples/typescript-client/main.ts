import createClient from 'openapi-fetch'
import type { operations, paths } from './latchkey.js'

const latchkey = createClient<paths>({ baseUrl: process.env.LATCHKEY ?? 'http://localhost:3000' })

const email = `ada-${Date.now()}@example.com`
const password = 'seven green boats at noon'

// An app keeps the refresh token itself. In a browser, leave out `transport`: then the browser keeps it in a cookie.
const registered = await latchkey.POST('/auth/register', { body: { email, password, transport: 'body' } })
// With REGISTRATION=verified the answer is 202 without data: a letter was sent.
if (!registered.data) throw new Error(registered.error?.title ?? 'Confirm the address with the letter first.')
say('registered', registered.data.user.email)

const phone = await latchkey.POST('/auth/login', { body: { email, password, transport: 'body' } })
if (!phone.data) throw new Error(explain(phone.error.code))
say('signed in', phone.data.token_type)

const refreshed = await latchkey.POST('/auth/refresh', { body: { refresh_token: registered.data.refresh_token ?? '' } })
if (!refreshed.data) throw new Error(refreshed.error.title)
const headers = { authorization: `Bearer ${refreshed.data.access_token}` }
say('refreshed', refreshed.data.session_id === registered.data.session_id)

const sessions = await latchkey.GET('/auth/sessions', { headers })
const others = (sessions.data ?? []).filter(session => !session.current)
for (const { id } of others) await latchkey.DELETE('/auth/sessions/{id}', { headers, params: { path: { id } } })
say('revoked', others.length)

const events = await latchkey.GET('/auth/events', { headers, params: { query: { limit: 1 } } })
say('last event', events.data?.events[0]?.type)

const out = await latchkey.POST('/auth/logout', { headers })
say('signed out', out.response.status)

const wrong = await latchkey.POST('/auth/login', { body: { email, password: 'not the password' } })
if (wrong.error) say('refused', explain(wrong.error.code))

// Without a body, a refresh takes the cookie, which only a browser has.
const nothing = await latchkey.POST('/auth/refresh')
if (nothing.error?.code === 'refresh_token_missing') say('refused', nothing.error.title)

type Responses = operations['logIn']['responses']
type CodeOf<Response> = Response extends { content: { 'application/problem+json': { code: infer Code } } }
  ? Code
  : never
type LogInCode = { [Status in keyof Responses]: CodeOf<Responses[Status]> }[keyof Responses]

/** The compiler reports a code that this switch forgets. */
function explain(code: LogInCode): string {
  switch (code) {
    case 'invalid_credentials':
      return 'The name or the password is wrong.'
    case 'password_change_required':
      return 'Set a new password first.'
    case 'too_many_sessions':
      return 'Sign out on another device first.'
    case 'rate_limited':
    case 'busy':
    case 'store_unavailable':
      return 'Try again later.'
    case 'invalid_request':
    case 'invalid_json':
    case 'ambiguous_request':
    case 'body_too_large':
    case 'unsupported_media_type':
    case 'cross_site_request':
    case 'internal_error':
      return `This is a mistake of this program, or of the service: ${code}`
    default: {
      const forgotten: never = code
      return forgotten
    }
  }
}

function say(what: string, value: unknown): void {
  process.stdout.write(`${what}: ${value}\n`)
}
