import { randomUUID } from 'node:crypto'
import t from 'tap'
import { openDatabase } from '../../src/postgres/database.js'
import { externalStores } from '../support/external-stores.js'
import { runLatchkey } from '../support/run-latchkey.js'

t.test('the command line shows verifiers and waits for them', async t => {
  const { env, database } = await externalStores(t)
  const db = openDatabase({ url: database.url, prepare: true, caFile: undefined, timeoutMs: 5000, size: 2 })
  t.teardown(() => db.close())
  const latchkey = (...args: string[]) => runLatchkey(args, { env })

  t.strictSame(JSON.parse((await latchkey('verifiers', 'list', '--json')).stdout), [])
  const { client_id: clientId } = JSON.parse(
    (await latchkey('clients', 'create', 'shop', '--scope', 'revocations', '--json')).stdout,
  )
  const verifier = { verifierId: randomUUID(), connectionId: randomUUID(), clientId }
  const given = { ...verifier, name: 'orders-1', instance: 'auth-1:7', maxStalenessSeconds: 60, ageSeconds: 0 }
  await db.verifiers.register([given], 600)

  t.test('verifiers list shows each one with its state', async t => {
    const { code, stdout, stderr } = await latchkey('verifiers', 'list')
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /^NAME +CLIENT +STATE +LAG +CONFIRMED +BOUND +INSTANCE +CONNECTED +ID\n/)
    t.match(stdout, /orders-1 +shop +starting +- +- +60s +auth-1:7 /)
    t.match(JSON.parse((await latchkey('verifiers', 'list', '--json')).stdout), [
      { id: verifier.verifierId, name: 'orders-1', client_id: clientId, client_name: 'shop', state: 'starting' },
    ])
  })

  t.test('--wait says which services have not applied a revocation, and exits with 2', async t => {
    const pending = await latchkey('sign-out-everyone', '--wait', '0')
    t.match(pending, {
      code: 2,
      stdout: 'Revoked every session.\n',
      stderr: 'It is revoked, but not every service has applied it yet: orders-1 (shop).\n',
    })
    const { code, stdout, stderr } = await latchkey('sign-out-everyone', '--wait', '0', '--json')
    t.equal(code, 2)
    t.strictSame(JSON.parse(stdout), { signed_out: 'everyone' })
    t.match(JSON.parse(stderr), { error: { code: 'incomplete', message: /orders-1/ } })
  })

  t.test('--wait says that every service has applied it', async t => {
    const [present] = await db.receipts.readTargets([])
    const { serverStart } = present!
    const confirm = async () => {
      const [{ snapshot } = { snapshot: '' }] = await db.receipts.readTargets([])
      await db.verifiers.confirm([{ ...verifier, serverStart, snapshot, isClosing: false }])
    }
    const confirming = setInterval(() => void confirm(), 100)
    t.teardown(() => clearInterval(confirming))
    t.match(await latchkey('sign-out-everyone', '--wait', '20'), {
      code: 0,
      stdout: 'Revoked every session.\nEvery service that follows the revocations has applied it.\n',
      stderr: '',
    })
    clearInterval(confirming)
  })

  t.test('--wait takes seconds', async t => {
    for (const value of ['soon', '-1', '601', '1.5', ''])
      t.equal((await latchkey('sign-out-everyone', '--wait', value)).code, 64)
  })
})
