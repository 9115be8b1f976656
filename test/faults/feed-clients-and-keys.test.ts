import { createVerifier } from '@latchkey/verifier'
import t from 'tap'
import { removeClient, rotateClientSecret } from '../../src/domain/clients/clients.js'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { signIn, signUp } from '../support/people.js'
import { verdict } from '../verifier/verifiers.js'
import { followerOptions, startFeedInstances } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { ONLY_IN_FULL } from './run-row.js'
import { logInto, READY_MS, watchHere } from './watching-verifier.js'

// What operators do to the clients and keys of services that follow the feed.

t.test(
  'verifiers of a client that was removed or has another secret stop, and no other does',
  ONLY_IN_FULL,
  async t => {
    const instances = await startFeedInstances(t)
    const { a, b, networks, follow } = instances
    const [removed, rotated] = [await makeClient(a.app, 'revocations'), await makeClient(a.app, 'revocations')]
    const verifiers = [
      await watchHere(t, follow('stays', networks[0])),
      await watchHere(t, followerOptions('removed', networks[0].url, removed, 10)),
      await watchHere(t, followerOptions('rotated', networks[1].url, rotated, 10)),
    ]
    await runFeedRow(t, {
      fault: 'clients are removed and changed',
      ...instances,
      verifiers,
      begin: async () => {
        await removeClient(a.app.context, removed.name, 'test')
        await rotateClientSecret(b.app.context, rotated.name, 'test')
      },
      lastsMs: 16_000,
      end: () => {},
      lost: ['removed', 'rotated'],
    })
    for (const verifier of verifiers.slice(1))
      t.match((await verifier.report()).status, { isFresh: false, lastError: /client/ }, 'and say why')
  },
)

t.test(
  'the tokens of a key that was revoked while a verifier was cut off are refused by it afterwards',
  ONLY_IN_FULL,
  async t => {
    const { a, b, networks, follow } = await startFeedInstances(t)
    const [network] = networks
    const open = async (name: string, at: (typeof networks)[number]) => {
      const verifier = createVerifier({ ...follow(name, at), log: logInto([]) })
      t.teardown(() => verifier.close())
      await verifier.ready({ timeoutMs: READY_MS })
      return verifier
    }
    const [cutOff, other] = [await open('cut-off', network), await open('other', networks[1])]
    const ada = await signUp(a.app)
    const said = (verifier: typeof cutOff, token: string) => verdict(verifier.verify(token))
    t.equal(await said(cutOff, ada.accessToken), 'valid')

    network.blackHole()
    const [key] = await a.app.context.db.signingKeys.usable()
    await revokeSigningKey(a.app.context, key!.kid, 'test')
    await until(async () => (await said(other, ada.accessToken)) === 'token_stale', 'the other verifier has it')
    const again = await signIn(b.app, ada.email)
    t.equal(await said(other, again.accessToken), 'valid', 'a token of the next key')

    await network.heal()
    const becomes = (token: string, verdict: string) => async () => (await said(cutOff, token)) === verdict
    await until(becomes(ada.accessToken, 'token_stale'), 'this one has it, too', READY_MS)
    await until(becomes(again.accessToken, 'valid'), 'and the next key', READY_MS)
  },
)

t.test('what verifiers answered is printed as a table', async t => printFeedTable(t))
