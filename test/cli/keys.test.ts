import t from 'tap'
import { listKeys, rotateKeys } from '../../src/cli/keys.js'
import { ensureSigningKey } from '../../src/domain/keys/key-maintenance.js'
import { openKeyDatabase, secretsOf } from '../domain/keys/key-database.js'

const options = { algorithm: 'ES256', keyEncryptionKeys: secretsOf('only').keyEncryptionKeys } as const

t.test('keys list names the state of each key, the newest first', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const lines: string[] = []
  const print = (line: string) => lines.push(line)
  await rotateKeys(database, { ...options, immediately: false }, print)
  t.match(lines.splice(0), [/^Created signing key \S{43}, which signs from \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.$/])

  const nowMs = await database.now()
  const statesAt = async (minutes: number) => {
    lines.splice(0)
    await listKeys(database.signingKeys, print, new Date(nowMs + minutes * 60_000))
    return lines.slice(1).map(line => line.split(/\s+/).at(-1))
  }
  t.same(await statesAt(0), ['next', 'signs'])
  t.match(lines[0], /^KID +ALG +CREATED +ACTIVE FROM +RETIRES +STATE$/)
  t.match(lines[1], /^\S{43} +ES256 +\S{20} +\S{20} +- +next$/)
  t.same(await statesAt(10), ['signs', 'verifies'])
  t.same(await statesAt(135), ['signs', 'retired'])

  await database.admin`update public.signing_keys set revoked_at = now() where retires_at is not null`
  t.same(await statesAt(0), ['next', 'revoked'])
})

t.test('keys rotate --immediately makes a key that signs in seconds, and says when to revoke another', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const said: string[] = []
  await rotateKeys(database, { ...options, immediately: true }, line => said.push(line))
  const [, from] = /^Created signing key \S{43}, which signs from (\S{20})\.$/.exec(said[0]!)!
  t.match(said.slice(1), [/^Running instances .* from then on/, /^Revoke an older key only after that/])
  const lines: string[] = []
  await listKeys(database.signingKeys, line => lines.push(line), new Date(from!))
  t.match(lines[1], /signs$/)
  t.match(lines[2], /verifies$/)
})
