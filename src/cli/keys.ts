import type { Command } from 'commander'
import type { AuthContext } from '../domain/context.js'
import type { KeyDatabase, NewKeyOptions } from '../domain/keys/rotate-signing-key.js'
import type { SigningKeyRow, SigningKeys } from '../postgres/signing-keys.js'
import { formatInstant, type Print, print, printTable } from './output.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

/** `latchkey keys` */
export function addKeyCommands(program: Command, configure: Configure): void {
  const keys = program.command('keys').description('manage the keys that sign access tokens')
  keys
    .command('list')
    .description('list all keys, the newest first')
    .action(async () => withDatabase(await configure(), ({ db }) => listKeys(db.signingKeys, print)))
  keys
    .command('rotate')
    .description('create the next signing key; Latchkey starts to use it when every verifier has had time to load it')
    .option('--immediately', 'sign with it in a few seconds, when every instance has read it')
    .action(async ({ immediately = false }: { immediately?: boolean }) =>
      withDatabase(await configure(), ({ db, keyOptions }) => rotateKeys(db, { ...keyOptions, immediately }, print)),
    )
  keys
    .command('revoke')
    .description('revoke a compromised key: every token that it signed is refused, and another key signs')
    .argument('<kid>')
    .action(async (kid: string) => withContext(await configure(), context => revokeKey(context, kid)))
}

/** Prints every key, the newest first. */
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
      row.retiresAt === null ? '-' : formatInstant(row.retiresAt),
      row === signing ? 'signs' : stateOf(row, now),
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
  print(`Created signing key ${kid}, which signs from ${formatInstant(activeFrom)}.`)
  if (options.immediately) {
    print('Running instances with this JWT_SECRET sign with it from then on; they need no restart.')
    print('Revoke an older key only after that: the tokens that it signs until then would be refused.')
  }
}

async function revokeKey(context: AuthContext, kid: string): Promise<void> {
  const { revokeSigningKey } = await import('../domain/keys/rotate-signing-key.js')
  const successor = await revokeSigningKey(context, kid, ACTOR)
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
