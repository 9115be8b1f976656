import t from 'tap'
import { ensureSigningKey, startKeyMaintenance } from '../../../src/domain/keys/key-maintenance.js'
import { openKeyDatabase, openKeyring, secretsOf } from './key-database.js'

const secrets = secretsOf('only')
const options = {
  algorithm: 'ES256',
  keyEncryptionKeys: secrets.keyEncryptionKeys,
  keyRotationIntervalSeconds: 3600,
} as const
const never = 60 * 60_000

/** Collects the log lines, and lets a test wait for the next one. */
function makeLog() {
  const lines: string[] = []
  let wake = () => {}
  const write = (level: string) => (message: string) => {
    lines.push(`${level}: ${message}`)
    wake()
  }
  const nextLine = async () => {
    const count = lines.length
    while (lines.length === count) await new Promise<void>(resolve => (wake = resolve))
    return lines.at(-1)
  }
  return { log: { info: write('info'), warn: write('warn'), error: write('error') }, lines, nextLine }
}

t.test('signing keys that cannot be read stay in use; the log reports it once, and once when it is over', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const { log, lines, nextLine } = makeLog()
  const maintenance = startKeyMaintenance({
    ...options,
    keyring,
    database,
    log,
    reloadEveryMs: 5,
    rotateEveryMs: never,
  })
  t.teardown(() => maintenance.stop())

  await database.admin`alter table public.signing_keys rename to gone`
  t.match(await nextLine(), /^error: Could not read the signing keys: /)
  const sent = database.statementsSent
  while (database.statementsSent < sent + 5) await new Promise(setImmediate)
  t.equal(lines.length, 1, 'five failures later there is still one line')
  t.ok(keyring.signingKey(await database.now()))

  await database.admin`alter table public.gone rename to signing_keys`
  t.match(await nextLine(), /^info: Works again after \d+ failures: read the signing keys$/)
})

t.test('a signing key that is due is made and published', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const { log, nextLine } = makeLog()
  await database.shiftClock(3601)
  const maintenance = startKeyMaintenance({
    ...options,
    keyring,
    database,
    log,
    reloadEveryMs: never,
    rotateEveryMs: 5,
  })
  t.match(await nextLine(), /^info: Made signing key \S+, which signs from \d{4}-/)
  await maintenance.stop()
  t.equal(keyring.jwks(await database.now()).keys.length, 2)
})

t.test('stopped key maintenance sends no more statements', async t => {
  const database = await openKeyDatabase(t)
  const keyring = await openKeyring(database, secrets)
  const { log, lines } = makeLog()
  const maintenance = startKeyMaintenance({
    ...options,
    keyring,
    database,
    log,
    reloadEveryMs: 1,
    rotateEveryMs: never,
  })
  const before = database.statementsSent
  while (database.statementsSent < before + 2) await new Promise(setImmediate)
  await maintenance.stop()
  const sent = database.statementsSent
  await database.ping()
  await database.ping()
  t.equal(database.statementsSent, sent + 2)
  t.same(lines, [])
})
