import type { AuthContext } from '../domain/context.js'
import {
  type KeyDatabase,
  type NewKeyOptions,
  revokeSigningKey,
  rotateSigningKey,
} from '../domain/keys/rotate-signing-key.js'
import type { SigningKeyRow, SigningKeys } from '../postgres/signing-keys.js'
import { type Print, printTable } from './print-table.js'

/** `latchkey keys list`: every key there ever was, the newest first. */
export async function listKeys(signingKeys: Pick<SigningKeys, 'all'>, print: Print, now = new Date()): Promise<void> {
  const rows = await signingKeys.all()
  const signing = rows.find(row => row.activeFrom <= now && isUsable(row, now))
  const table = [
    ['KID', 'ALG', 'CREATED', 'ACTIVE FROM', 'RETIRES', 'STATE'],
    ...rows.map(row => [
      row.kid,
      row.alg,
      formatInstant(row.createdAt),
      formatInstant(row.activeFrom),
      formatInstant(row.retiresAt),
      row === signing ? 'signs' : stateOf(row, now),
    ]),
  ]
  printTable(table, print)
}

/** `latchkey keys rotate [--immediately]`: makes the next signing key, which running instances read by themselves. */
export async function rotateKeys(
  database: KeyDatabase,
  options: NewKeyOptions & { immediately: boolean },
  print: Print,
): Promise<void> {
  const { kid, activeFrom } = await rotateSigningKey(database, options)
  print(`Made signing key ${kid}, which signs from ${formatInstant(activeFrom)}.`)
  if (options.immediately) {
    print('Running instances that have this JWT_SECRET sign with it from then on, by themselves.')
    print('Revoke an older key only after that: what it signs until then would be refused.')
  }
}

/** `latchkey keys revoke KID`: for a key that somebody else has. */
export async function revokeKey(context: AuthContext, kid: string, print: Print): Promise<void> {
  const successor = await revokeSigningKey(context, kid)
  print(`Revoked signing key ${kid}. Latchkey refuses every token that it signed; sessions go on after a refresh.`)
  print('Services that verify by the JWKS alone accept it until they fetch the keys again: after 10 minutes by the')
  print('defaults of jwks-rsa and jose, after 5 by those of PyJWT. To be sure at once, restart them.')
  if (successor !== undefined) print(`Made signing key ${successor}, which signs from now on.`)
}

function stateOf(row: SigningKeyRow, now: Date): string {
  if (row.revokedAt !== null) return 'revoked'
  if (!isUsable(row, now)) return 'retired'
  return row.activeFrom > now ? 'next' : 'verifies'
}

function isUsable({ revokedAt, retiresAt }: SigningKeyRow, now: Date): boolean {
  return revokedAt === null && (retiresAt === null || retiresAt > now)
}

function formatInstant(instant: Date | null): string {
  return instant === null ? '-' : `${instant.toISOString().slice(0, 19)}Z`
}
