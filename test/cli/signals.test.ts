import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { runLatchkey } from '../support/run-latchkey.js'

t.test('signals list shows each stream with its client, and the host of its endpoint only', async t => {
  const { env, database } = await externalStores(t)
  const latchkey = (...args: string[]) => runLatchkey(args, { env })
  t.strictSame(JSON.parse((await latchkey('signals', 'list', '--json')).stdout), [])
  const made = await latchkey('clients', 'create', 'wiki', '--scope', 'signals', '--json')
  const { client_id } = JSON.parse(made.stdout)
  const settings = { method: 'push', url: 'https://wiki.example/hidden', isPaused: true, reason: 'maintenance' }
  await database.admin`
    insert into event_receivers (id, kind, client_id, settings, secrets, types, is_held)
    values (gen_random_uuid(), 'stream', ${client_id}, ${JSON.stringify(settings)}::text::jsonb, '', '{}', true)`
  const { code, stdout, stderr } = await latchkey('signals', 'list')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^ID +CLIENT +STATE +TO +WAITING +GIVEN UP +SUCCEEDED +EVENTS +REASON\n/)
  t.match(stdout, /wiki +paused +wiki\.example +0 +0 +- +session-revoked,.* maintenance\n/)
  t.notMatch(stdout, /hidden/)
  t.match(JSON.parse((await latchkey('signals', 'list', '--json')).stdout), [
    { client_id, client_name: 'wiki', status: 'paused', delivery_method: 'push', endpoint_host: 'wiki.example' },
  ])
})
