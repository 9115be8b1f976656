import { randomUUID } from 'node:crypto'

/** Makes ids that no other process makes: a random one for the process, counted on. A new one costs next to nothing. */
export function requestIds(): () => string {
  const process = randomUUID().slice(0, 24)
  let count = 0
  return () => process + (count++).toString(16).padStart(12, '0')
}
