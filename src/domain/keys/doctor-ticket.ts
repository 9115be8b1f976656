import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secrets } from './secrets.js'

/** The header with the ticket. */
export const DOCTOR_HEADER = 'x-latchkey-doctor'

/** Long, because one purpose of the question is to find out by how much clocks differ. */
const MAX_AGE_MS = 60 * 60 * 1000

/**
 * A proof that the sender has the secrets of this deployment: `latchkey doctor` sends it to an instance. It reveals
 * nothing about them, and grants nothing but the answer of `GET /doctor`.
 *
 * @param nowMs milliseconds since the epoch
 */
export function createDoctorTicket({ doctorKeys }: Pick<Secrets, 'doctorKeys'>, nowMs: number): string {
  return `${nowMs}.${macOf(doctorKeys[0], nowMs).toString('base64url')}`
}

/** Whether a ticket was made within an hour, with one of the secrets of this deployment. */
export function isDoctorTicket(
  { doctorKeys }: Pick<Secrets, 'doctorKeys'>,
  ticket: string | undefined,
  nowMs: number,
): boolean {
  const [, time, mac] = /^(\d{13})\.([\w-]{43})$/.exec(ticket ?? '') ?? []
  if (time === undefined || mac === undefined) return false
  const given = Buffer.from(mac, 'base64url')
  const isOurs = doctorKeys.some(key => timingSafeEqual(macOf(key, Number(time)), given))
  return isOurs && Math.abs(Number(time) - nowMs) <= MAX_AGE_MS
}

function macOf(key: Buffer, time: number): Buffer {
  return createHmac('sha256', key).update(`doctor ${time}`).digest()
}
