import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'

t.test('webhooks are managed on the command line', async t => {
  const { env: stores, database } = await externalStores(t)
  const env = { ...stores, DELIVERY_ALLOWED_NETWORKS: 'loopback' }
  const webhooks = (...args: string[]) => runLatchkey(['webhooks', ...args], { env })
  const json = async (...args: string[]) => JSON.parse((await webhooks(...args, '--json')).stdout)
  const receiver = await startWebhookReceiver(t)

  const created = await webhooks('create', receiver.url, '--type', 'user_created, user_deleted', '--type', 'signed_in')
  t.match(created, { code: 0, stderr: '' })
  const [, id = '', secret = ''] =
    /^Created the webhook (\S{36}) for events of the types user_created, user_deleted, signed_in\.\nIts secret, shown only now: (whsec_\S+)\n$/.exec(
      created.stdout,
    ) ?? []
  receiver.secret = secret

  t.test('list and show say what waits, and no secret', async t => {
    const listed = await json('list')
    t.match(listed, [{ id, url: receiver.url, types: ['user_created', 'user_deleted', 'signed_in'], waiting: 0 }])
    t.strictSame(await json('show', id), listed[0])
    const { stdout } = await webhooks('list')
    t.match(stdout, /^ID +STATE +WAITING +GIVEN UP +SUCCEEDED +TYPES +URL\n\S{36} +enabled +0 +0 +- +user_created,/)
    t.match((await webhooks('show', id)).stdout, /^state: +enabled$/m)
    for (const text of [stdout, JSON.stringify(listed)]) t.notMatch(text, 'whsec_')
  })

  t.test('test sends a message now, and exits with 1 if it is not delivered', async t => {
    t.match(await webhooks('test', id), { code: 0, stdout: 'Delivered.\n', stderr: '' })
    t.match(receiver.accepted, [{ type: 'test' }])
    receiver.answer = response => response.writeHead(500).end()
    t.match(await webhooks('test', id), { code: 1, stdout: 'It was not delivered: the answer was 500.\n' })
    const failed = await webhooks('test', id, '--json')
    t.strictSame(JSON.parse(failed.stdout), { outcome: 'failed', reason: 'the answer was 500' })
    t.match(JSON.parse(failed.stderr), { error: { code: 'failed', message: /500/ } })
    receiver.answer = response => response.writeHead(204).end()
  })

  t.test('rotate prints a new secret', async t => {
    const { stdout } = await webhooks('rotate', id, '--immediately')
    const [, next = ''] =
      /^Replaced the secret; the earlier one .*\nIts secret, shown only now: (\S+)\n$/.exec(stdout) ?? []
    receiver.secret = next
    t.match(await webhooks('test', id), { code: 0 })
    receiver.secret = secret
    t.match(await webhooks('test', id), { code: 1 })
  })

  t.test('update changes the types and the address, disables and enables', async t => {
    t.match(await webhooks('update', id, '--disable'), { code: 0, stdout: /^state: +disabled: an administrator/m })
    t.match(await json('update', id, '--enable', '--all-types', '--url', `${receiver.url}/2`), {
      url: `${receiver.url}/2`,
      types: null,
      disabled_at: null,
    })
    t.match(await webhooks('update', id, '--enable', '--disable'), { code: 64 })
    t.match(await webhooks('update', id, '--type', 'signed_in', '--all-types'), { code: 64 })
    t.match(await webhooks('update', id), { code: 64, stderr: /give what to change/ })
  })

  t.test('replay queues what was given up, or everything since', async t => {
    await runLatchkey(['users', 'create', 'ada@example.com'], { env })
    t.equal((await json('show', id)).waiting, 3, 'its change, the account and the first key')
    t.same(await json('replay', id, '--since', '1h'), { id, queued: 3 }, 'what waits is not queued twice')
    await database.admin`
      update deliveries set abandoned_at = now(), attempts = 12, reason = ${'the answer was \u001b[31m500'}`
    const failed = await json('failed', id, '--limit', '4')
    t.match(failed, [{ attempts: 12 }, {}, {}, {}])
    t.equal(failed.length, 4)
    const { stdout, stderr } = await webhooks('failed', id, '--limit', '4')
    t.match(stdout, /^GIVEN UP +TYPE +USER +ATTEMPTS +EVENT +REASON\n.* 12 .*the answer was \\u001b\[31m500\n/)
    t.match(stderr, 'There are more: --all prints them.')
    t.equal((await json('failed', id, '--all')).length, 7, 'with the event of the first replay')
    t.match(await webhooks('replay', id), { code: 0, stdout: 'Queued 7 events.\n' })
    t.match(await json('show', id), { waiting: 8, abandoned: 0 })
    t.match(await webhooks('replay', id, '--since', 'yesterday'), { code: 64 })
  })

  t.test('what does not exist or cannot be used is refused in one line', async t => {
    const nobody = '01a221b9-f36d-774d-ae5e-818f70c7a991'
    for (const command of ['show', 'test', 'replay', 'failed', 'rotate', 'remove'])
      t.match(await webhooks(command, nobody), { code: 3, stdout: '', stderr: 'Webhook not found.\n' }, command)
    t.match(await webhooks('create', 'ftp://hooks.example'), {
      code: 1,
      stderr: 'The webhook is not valid. The address must be an https URL.\n',
    })
    t.match(await webhooks('create', 'https://hooks.example', '--type', 'sign_in'), {
      code: 1,
      stderr: 'The webhook is not valid. "sign_in" is not a type of events.\n',
    })
  })

  t.test('remove ends it', async t => {
    t.match(await webhooks('remove', id), { code: 0, stdout: `Removed the webhook ${id}.\n`, stderr: '' })
    t.strictSame(await json('list'), [])
    t.equal((await database.admin`select 1 from deliveries`).length, 0)
  })
})
