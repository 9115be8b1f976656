import t from 'tap'
import { until } from '../../support/eventually.js'
import { signUp } from '../../support/people.js'
import { knownVerdict, startVerifier, verdict } from '../verifiers.js'
import { followInstances, isRefused, known, logOut } from './followed-instances.js'

t.test('the connection is cut in the middle of a snapshot and of an event, and nothing is missed', async t => {
  const { a, gateway, options } = await followInstances(t)
  const people = await Promise.all(Array.from({ length: 8 }, () => signUp(a.app)))
  for (const person of people) await logOut(a.app, person)
  for (const bytes of [900, 1400, 1700, 2000, 2600]) {
    gateway.cutAfter(bytes, 'down')
    const late = startVerifier(t, options)
    await late.ready({ timeoutMs: 20_000 })
    for (const person of people)
      t.equal(await verdict(late.verify(person.accessToken)), 'token_revoked', `after ${bytes} bytes`)
    const next = await known(late, signUp(a.app))
    void gateway.cutAt('"kind":"session"', 'down')
    await logOut(a.app, next)
    await until(isRefused(late, next), `cut in the event, after ${bytes} bytes`)
    await late.close()
  }
})

t.test(
  'a network that is silent makes the list old, then every token is refused; back again, nothing was missed',
  async t => {
    const { a, gateway, verifier } = await followInstances(t, { maxStalenessSeconds: 5 })
    const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
    gateway.blackHole('down')
    await logOut(a.app, ada)
    t.equal(knownVerdict(verifier, bob.accessToken), 'valid', 'within the bound')
    await until(() => knownVerdict(verifier, bob.accessToken) === 'revocations_stale')
    t.equal(knownVerdict(verifier, ada.accessToken), 'revocations_stale', 'not known here, and not accepted')
    await gateway.heal()
    gateway.reset()
    await until(() => knownVerdict(verifier, bob.accessToken) === 'valid')
    t.equal(knownVerdict(verifier, ada.accessToken), 'token_revoked', 'never accepted again, not even for a moment')
  },
)

t.test('the verifier goes on at another instance, and gets what it missed', async t => {
  const { a, b, gateway, ports, verifier } = await followInstances(t)
  const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
  gateway.retarget(`http://127.0.0.1:${ports[1]}`)
  await a.close()
  await logOut(b.app, ada)
  await until(isRefused(verifier, ada))
  t.equal(knownVerdict(verifier, bob.accessToken), 'valid')
  t.equal(verifier.status().isFresh, true)
})
