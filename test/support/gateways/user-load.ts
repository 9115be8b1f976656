import type { Test } from 'tap'
import { type Answer, HttpClient } from '../http-client.js'
import { PASSWORD } from '../people.js'

/** What the users of a test did so far. */
export interface Load {
  stopped: boolean
  /** The answers that were not the expected ones. */
  wrong: string[]
  answers: number
  /** How long a service accepted a token after its session was signed out. */
  delaysMs: number[]
}

/** A token that is still accepted after this time counts as wrong. */
const REVOKED_WITHIN_MS = 10_000

/**
 * One user behind one gateway: registers, then uses a service that the edge protects, refreshes, signs in a second time
 * and out again, until the load is stopped.
 *
 * @param gateway - its address; Latchkey is below /identity/
 */
export async function useService(t: Test, gateway: string, name: string, load: Load): Promise<void> {
  const client = new HttpClient(gateway)
  t.teardown(() => client.close())
  /** @returns the body, if the status is the expected one */
  const expect = async (status: number, what: string, asked: Promise<Answer>): Promise<Answer['body'] | undefined> => {
    const answer = await asked.catch((error: Error) => ({ status: error.message, body: '' }))
    load.answers++
    if (answer.status === status) return answer.body
    load.wrong.push(`${name}: ${what} answered ${answer.status} ${JSON.stringify(answer.body)}`)
    return undefined
  }
  const auth = (action: string, body: object) => client.post(`/identity/auth/${action}`, body)
  const order = (token: string) =>
    client.send('POST', '/orders', { authorization: `Bearer ${token}`, 'content-length': '4' }, 'eggs')

  const credentials = { email: `${name}@example.com`, password: PASSWORD, transport: 'body' }
  let tokens = await expect(201, 'register', auth('register', credentials))
  for (let turn = 0; !load.stopped && tokens !== undefined; turn++) {
    await expect(200, 'a service', order(tokens.access_token))
    await expect(200, 'verify', client.get('/identity/auth/verify', tokens.access_token))
    const { refresh_token } = tokens
    tokens = (await expect(200, 'refresh', auth('refresh', { refresh_token }))) ?? tokens
    if (turn % 10 !== 0) continue
    const other = await expect(200, 'login', auth('login', credentials))
    if (other === undefined) continue
    await expect(200, 'a service for the second session', order(other.access_token))
    // A session that goes on says nothing about revocations.
    if ((await expect(204, 'logout', auth('logout', { refresh_token: other.refresh_token }))) === undefined) continue
    await expect(401, 'refresh after logout', auth('refresh', { refresh_token: other.refresh_token }))
    load.delaysMs.push(await refusedAfter(() => client.get('/orders', other.access_token), load, name))
  }
}

/** Asks until a token is refused; returns the time. */
async function refusedAfter(ask: () => Promise<Answer>, load: Load, name: string): Promise<number> {
  const start = performance.now()
  for (;;) {
    const { status } = await ask()
    load.answers++
    const ms = performance.now() - start
    if (status === 401) return ms
    if (status !== 200) load.wrong.push(`${name}: a service answered ${status} to a token that was revoked`)
    if (ms < REVOKED_WITHIN_MS) continue
    load.wrong.push(`${name}: a service still accepted a revoked token after ${REVOKED_WITHIN_MS} ms`)
    return ms
  }
}
