import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.js'
import { explainPostgresError, isNotThereYet, type PostgresAddress } from './explain-postgres-error.js'

export interface WaitForPostgresOptions {
  address: PostgresAddress
  log: Log
  patienceMs?: number
}

const PATIENCE_MS = 10_000
const INTERVAL_MS = 200

/**
 * Waits until Postgres answers: what starts us and it together rarely starts it first. A refusal that waiting does not
 * change, such as a wrong password, ends the wait at once.
 *
 * @returns what it answers
 * @throws Error that tells an operator what to do
 */
export async function waitForPostgres<T>(ask: () => Promise<T>, options: WaitForPostgresOptions): Promise<T> {
  const { address, log, patienceMs = PATIENCE_MS } = options
  const deadline = Date.now() + patienceMs
  for (let told = false; ; told = true) {
    try {
      return await ask()
    } catch (error) {
      const explained = explainPostgresError(error, address)
      if (!isNotThereYet(error) || Date.now() > deadline) throw explained
      if (!told) log.warn(`${explained.message} Waiting for it, up to ${patienceMs / 1000} s.`)
    }
    await sleep(INTERVAL_MS)
  }
}
