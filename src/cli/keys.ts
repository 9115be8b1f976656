import type { Command } from 'commander'
import type { AuthContext } from '../domain/context.js'
import type { KeyDatabase, NewKeyOptions } from '../domain/keys/rotate-signing-key.js'
import type { SigningKeyRow, SigningKeys } from '../postgres/signing-keys.js'
import { withReceipt } from './await-receipt.js'
import { withExamples } from './help.js'
import { formatInstant, isJson, type Print, print, printArray, printResult, printTable } from './output.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

/** `latchkey keys` */
export function addKeyCommands(program: Command, configure: Configure): void {
  const keys = program.command('keys').description('manage the keys that sign access tokens')
  const list = keys
    .command('list')
    .description('list all keys, the newest first')
    .action(async () => withDatabase(await configure(), ({ db }) => listKeys(db.signingKeys, print)))
  withExamples(list, 'keys list', 'keys list --json')
  const rotate = keys
    .command('rotate')
    .description('create the next signing key; Latchkey starts to use it when every verifier has had time to load it')
    .option('--immediately', 'sign with it in a few seconds, when every instance has read it')
    .action(async ({ immediately = false }: { immediately?: boolean }) =>
      withDatabase(await configure(), ({ db, keyOptions }) => rotateKeys(db, { ...keyOptions, immediately }, print)),
    )
  withExamples(rotate, 'keys rotate', 'keys rotate --immediately')
  const revoke = keys
    .command('revoke')
    .description('revoke a compromised key: every token that it signed is refused, and another key signs')
    .argument('<kid>')
    .action(async (kid: string) => withContext(await configure(), context => revokeKey(context, kid)))
  withExamples(withReceipt(revoke), 'keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
}

/** Prints every key, the newest first. */
export async function listKeys(signingKeys: Pick<SigningKeys, 'all'>, print: Print, now = new Date()): Promise<void> {
  const rows = await signingKeys.all()
  const signing = rows.find(row => row.activeFrom <= now && isUsable(row, now))
  const state = (row: SigningKeyRow) => (row === signing ? 'signs' : stateOf(row, now))
  if (isJson()) {
    return printArray(
      rows.map(row => ({
        kid: row.kid,
        alg: row.alg,
        state: state(row),
        created_at: row.createdAt.toISOString(),
        active_from: row.activeFrom.toISOString(),
        retires_at: row.retiresAt?.toISOString() ?? null,
        revoked_at: row.revokedAt?.toISOString() ?? null,
      })),
    )
  }
  const table = [
    ['KID', 'ALG', 'CREATED', 'ACTIVE FROM', 'RETIRES', 'STATE'],
    ...rows.map(row => [
      row.kid,
      row.alg,
      formatInstant(row.createdAt),
      formatInstant(row.activeFrom),
      row.retiresAt === null ? '-' : formatInstant(row.retiresAt),
      state(row),
    ]),
  ]
  printTable(table, print)
}

/** Creates the next signing key. Running instances read it without a restart. */
export async function rotateKeys(
  database: KeyDatabase,
  options: NewKeyOptions & { immediately: boolean },
  print: Print,
): Promise<void> {
  const { rotateSigningKey } = await import('../domain/keys/rotate-signing-key.js')
  const { kid, activeFrom } = await rotateSigningKey(database, { ...options, actor: ACTOR })
  if (isJson()) return printResult({ kid, active_from: activeFrom.toISOString() }, () => {})
  print(`Created signing key ${kid}, which signs from ${formatInstant(activeFrom)}.`)
  if (options.immediately) {
    print('Running instances with this JWT_SECRET sign with it from then on; they need no restart.')
    print('Revoke an older key only after that: the tokens that it signs until then would be refused.')
  }
}

async function revokeKey(context: AuthContext, kid: string): Promise<void> {
  const { revokeSigningKey } = await import('../domain/keys/rotate-signing-key.js')
  const successor = await revokeSigningKey(context, kid, ACTOR)
  if (isJson()) return printResult({ kid, revoked: true, successor: successor ?? null }, () => {})
  print(`Revoked signing key ${kid}. Latchkey refuses every token that it signed; sessions continue after a refresh.`)
  print(
    'Services that verify tokens with the JWKS only accept the key until they fetch the JWKS again: after 10 minutes',
  )
  print(
    'with the defaults of jwks-rsa and jose, after 5 minutes with those of PyJWT. A restart makes them fetch it ' +
      'at once.',
  )
  if (successor !== undefined) print(`Created signing key ${successor}, which signs from now on.`)
}

function stateOf(row: SigningKeyRow, now: Date): string {
  if (row.revokedAt !== null) return 'revoked'
  if (!isUsable(row, now)) return 'retired'
  return row.activeFrom > now ? 'next' : 'verifies'
}

function isUsable({ revokedAt, retiresAt }: SigningKeyRow, now: Date): boolean {
  return revokedAt === null && (retiresAt === null || retiresAt > now)
}
