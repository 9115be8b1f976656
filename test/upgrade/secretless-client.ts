import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ASSERTION_TYPE, ownAssertion } from '../support/assertions.js'
import { makeKey } from '../support/cluster-issuer.js'
import { newEmail } from './side-by-side.js'
import { form, type Instance, outcomeOf, register } from './version.js'

/**
 * A client that a new version made without a secret. Where only secrets are known it has one that nobody can have, so it
 * is refused there, and everything else works with it.
 */
export async function checkSecretlessClient(t: Test, fresh: Instance, old: Instance, issuer: string): Promise<void> {
  const key = await makeKey()
  const file = join(t.testdir({}), 'jwks.json')
  await writeFile(file, JSON.stringify({ keys: [key.jwk] }))
  const made = await fresh.program.command('clients', 'create', 'secretless', '--scope', 'introspect', '--jwks', file)
  t.notOk('client_secret' in made)
  const id: string = made.client_id
  const byAssertion = async () => ({
    client_id: id,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await ownAssertion(key, id, issuer),
  })
  const grant = { grant_type: 'client_credentials' }
  const granted = await form(fresh, '/oauth/token', { ...grant, ...(await byAssertion()) })
  t.equal(outcomeOf(granted), 200, 'it gets a token from the new version')
  t.match(granted.body.scope, /introspect/)
  const { accessToken } = await register(old, newEmail())
  const introspected = await form(fresh, '/oauth/introspect', { ...(await byAssertion()), token: accessToken })
  t.equal(introspected.body.active, true)

  for (const secret of ['', id, 'lk_cs_', `lk_cs_${'0'.repeat(64)}`])
    t.equal((await form(old, '/oauth/token', { ...grant, client_id: id, client_secret: secret })).status, 401, secret)
  const listed = await old.program.command('clients', 'list')
  t.ok(
    listed.some(({ name }: { name: string }) => name === 'secretless'),
    'the old version lists it',
  )
  const shown = await old.program.command('clients', 'show', 'secretless')
  t.equal(shown.client_id, id)
}
