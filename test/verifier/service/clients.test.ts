import t from 'tap'
import { removeClient, rotateClientSecret } from '../../../src/domain/clients/clients.js'
import { until } from '../../support/eventually.js'
import { signUp } from '../../support/people.js'
import { knownVerdict, startVerifier } from '../verifiers.js'
import { followInstances, isRefused, known, logOut } from './followed-instances.js'

t.test('a client that was removed is told so, and its verifier refuses everything after the bound', async t => {
  const { a, client, verifier } = await followInstances(t, { maxStalenessSeconds: 5 })
  const ada = await known(verifier, signUp(a.app))
  await removeClient(a.app.context, client.name, 'test')
  await until(() => /invalid_client: check `client\.id`/.test(verifier.status().lastError ?? ''))
  t.notMatch(JSON.stringify([verifier.lines, verifier.status()]), client.secret)
  await until(() => knownVerdict(verifier, ada.accessToken) === 'revocations_stale')
  t.equal(verifier.status().connected, false)
})

t.test('a verifier with the previous secret is told so, and one with the new secret follows', async t => {
  const { a, client, verifier, options } = await followInstances(t)
  const { secret } = await rotateClientSecret(a.app.context, client.name, 'test')
  await until(() => /check `client\.id` and `client\.secret`/.test(verifier.status().lastError ?? ''))
  const next = startVerifier(t, { ...options, client: { id: client.id, secret } })
  await next.ready()
  const ada = await known(next, signUp(a.app))
  await logOut(a.app, ada)
  await until(isRefused(next, ada))
})
