import axios, { type AxiosInstance, type AxiosResponse } from 'axios'
import ky from 'ky'
import { ofetch } from 'ofetch'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD } from '../support/people.js'
import { listen } from '../support/raw-request.js'

// Requests as pages and services send them with a library's defaults, in the form that its manual shows first.

interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: each test checks the body that it expects.
  body: any
  cookies: string[]
}

type Headers = Record<string, string>

interface Library {
  get(url: string, headers: Headers): Promise<Answer>
  /** Without a second argument, as for a log-out: `axios.post(url)`. */
  post(url: string, body?: object, headers?: Headers): Promise<Answer>
  patch(url: string, body: object, headers: Headers): Promise<Answer>
  delete(url: string, headers: Headers): Promise<Answer>
}

const libraries: Record<string, Library> = {
  axios: ofAxios(axios),
  'axios with a content type on every request': ofAxios(
    axios.create({ headers: { 'Content-Type': 'application/json' } }),
  ),
  ky: {
    get: (url, headers) => ofKy(ky.get(url, { headers })),
    post: (url, json, headers) => ofKy(ky.post(url, { ...(json && { json }), ...(headers && { headers }) })),
    patch: (url, json, headers) => ofKy(ky.patch(url, { json, headers })),
    delete: (url, headers) => ofKy(ky.delete(url, { headers })),
  },
  ofetch: {
    get: (url, headers) => ofOfetch(url, { headers }),
    post: (url, body, headers) => ofOfetch(url, { method: 'POST', ...(body && { body }), ...(headers && { headers }) }),
    patch: (url, body, headers) => ofOfetch(url, { method: 'PATCH', body, headers }),
    delete: (url, headers) => ofOfetch(url, { method: 'DELETE', headers }),
  },
  fetch: ofFetch({}),
  'fetch with a content type on every request': ofFetch({ 'content-type': 'application/json' }),
}

const { app, clock } = await buildTestApp(t)
const latchkey = `http://127.0.0.1:${await listen(app)}`

for (const [name, library] of Object.entries(libraries)) {
  t.test(`a client that uses ${name} can register, sign in, refresh, manage sessions and log out`, async t => {
    const { get, post, patch } = library
    const email = `${name.replaceAll(' ', '-')}@example.com`
    t.equal((await post(`${latchkey}/auth/register`, { email, password: PASSWORD })).status, 201)
    const signedIn = await post(`${latchkey}/auth/login`, { email, password: PASSWORD })
    t.equal(signedIn.status, 200)
    const phone = await post(`${latchkey}/auth/login`, { email, password: PASSWORD, transport: 'body' })
    const { refresh_token } = phone.body
    t.equal((await post(`${latchkey}/auth/refresh`, { refresh_token })).status, 200, 'a refresh with a body')

    await clock.advance(16 * 60)
    const late = await get(`${latchkey}/auth/sessions`, bearer(signedIn))
    t.match(late, { status: 401, body: { code: 'token_expired' } })
    const refreshed = await post(`${latchkey}/auth/refresh`, undefined, { cookie: signedIn.cookies.join('; ') })
    t.equal(refreshed.status, 200, 'a refresh with a cookie')
    const again = await get(`${latchkey}/auth/sessions`, bearer(refreshed))
    t.equal(again.status, 200, 'the repeated request')

    const idOf = (current: boolean) =>
      (again.body as { id: string; current: boolean }[]).find(s => s.current === current)!.id
    const session = (current: boolean) => `${latchkey}/auth/sessions/${idOf(current)}`
    t.equal((await patch(session(true), { label: 'desk' }, bearer(refreshed))).status, 204)
    t.equal((await library.delete(session(false), bearer(refreshed))).status, 204)
    const none = await post(`${latchkey}/auth/logout`)
    t.match(none, { status: 401, body: { code: 'authentication_required' } }, 'a logout without any token')
    t.equal((await post(`${latchkey}/auth/logout`, undefined, bearer(refreshed))).status, 204)
  })
}

function ofAxios(instance: AxiosInstance): Library {
  const answer = async (asked: Promise<AxiosResponse>): Promise<Answer> => {
    const { status, data, headers } = await asked.catch(error => error.response ?? Promise.reject(error))
    return { status, body: data, cookies: namesAndValues(headers['set-cookie']) }
  }
  return {
    get: (url, headers) => answer(instance.get(url, { headers })),
    post: (url, body, headers) => answer(headers ? instance.post(url, body, { headers }) : instance.post(url, body)),
    patch: (url, body, headers) => answer(instance.patch(url, body, { headers })),
    delete: (url, headers) => answer(instance.delete(url, { headers })),
  }
}

/** ky throws when the status is not a success, and retries only GET requests. */
async function ofKy(asked: Promise<Response>): Promise<Answer> {
  return ofResponse(await asked.catch(error => error.response ?? Promise.reject(error)))
}

async function ofOfetch(url: string, options: NonNullable<Parameters<typeof ofetch.raw>[1]>): Promise<Answer> {
  const response = await ofetch.raw(url, options).catch(error => error.response ?? Promise.reject(error))
  return { status: response.status, body: response._data, cookies: namesAndValues(response.headers.getSetCookie()) }
}

function ofFetch(always: Headers): Library {
  const json = { 'content-type': 'application/json' }
  const send = async (method: string, url: string, headers: Headers = {}, body?: object): Promise<Answer> =>
    ofResponse(
      await fetch(url, {
        method,
        headers: { ...always, ...headers, ...(body && json) },
        ...(body && { body: JSON.stringify(body) }),
      }),
    )
  return {
    get: (url, headers) => send('GET', url, headers),
    post: (url, body, headers) => send('POST', url, headers, body),
    patch: (url, body, headers) => send('PATCH', url, headers, body),
    delete: (url, headers) => send('DELETE', url, headers),
  }
}

async function ofResponse(response: Response): Promise<Answer> {
  const text = await response.text()
  const cookies = namesAndValues(response.headers.getSetCookie())
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), cookies }
}

/** The cookies as a browser sends them back. */
function namesAndValues(setCookie: readonly string[] = []): string[] {
  return setCookie.map(cookie => cookie.split(';')[0]!)
}

function bearer({ body }: Answer): Headers {
  return { authorization: `Bearer ${body.access_token}` }
}
