import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../lib/log.js'
import { explainPostgresError, isNotReadyYet, type PostgresAddress } from './errors.js'

export interface WaitForPostgresOptions {
  address: PostgresAddress
  log: Log
  timeoutMs?: number
}

const TIMEOUT_MS = 10_000
const INTERVAL_MS = 200

/**
 * Repeats a request until Postgres answers: if both start together, Postgres is rarely ready first. An error that
 * waiting does not change, such as a wrong password, ends the wait at once.
 *
 * @returns the result of the request
 * @throws Error that tells an operator what to do
 */
export async function waitForPostgres<T>(request: () => Promise<T>, options: WaitForPostgresOptions): Promise<T> {
  const { address, log, timeoutMs = TIMEOUT_MS } = options
  const deadline = Date.now() + timeoutMs
  for (let isLogged = false; ; isLogged = true) {
    try {
      return await request()
    } catch (error) {
      const explained = explainPostgresError(error, address)
      if (!isNotReadyYet(error) || Date.now() > deadline) throw explained
      if (!isLogged) log.warn(`${explained.message} Waiting for it, up to ${timeoutMs / 1000} s.`)
    }
    await sleep(INTERVAL_MS)
  }
}
