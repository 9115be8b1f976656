import t from 'tap'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { buildTestApp, TEST_SECRETS } from '../support/build-test-app.js'
import { signUp } from '../support/people.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { testServers } from '../support/servers/test-servers.js'

/** Commands that change nothing that an audit is about. `migrate` changes tables, and the others read or serve. */
const WITHOUT_EVENT = new Set([
  ...['serve', 'edge', 'migrate', 'doctor', 'events', 'events tail'],
  ...['users list', 'users show', 'users sessions', 'users events', 'users check-emails'],
  ...['sessions list', 'sessions show', 'clients list', 'clients show', 'keys list', 'verifiers list', 'signals list'],
  ...['webhooks list', 'webhooks show', 'webhooks failed', 'webhooks test'],
])

t.test('every command that changes something writes an event with the actor cli', async t => {
  const { app, database } = await buildTestApp(t)
  const env = {
    NODE_ENV: 'test',
    DATABASE_URL: database.url,
    REDIS_URL: testServers().redisUrl,
    PUBLIC_ORIGIN: 'http://localhost:3000',
    ...TEST_SECRETS,
  }
  const ada = await signUp(app, 'ada@example.com')
  const { webhook } = await createWebhook(app.context, { url: 'https://receiver.invalid/' }, 'cli')
  const folder = t.testdir({
    'data.json': '{"tenant":"acme"}',
    'users.ndjson': '{"email":"eve@example.com","password_hash":"!"}',
  })
  const kid = JSON.parse(Buffer.from(ada.accessToken.split('.')[0]!, 'base64url').toString()).kid
  const scope = ['--scope', 'introspect']
  const issuer = ['--issuer', 'https://issuer.example.com', '--subject', 'shop']
  /** In this order. */
  const changes: Record<string, string[]> = {
    'users create': ['bob@example.com'],
    'users roles': ['bob@example.com', 'editor'],
    'users claims': ['bob@example.com', '--set', `${folder}/data.json`],
    'users metadata': ['bob@example.com', '--set', `${folder}/data.json`],
    'users rename': ['bob@example.com', '--username', 'bob'],
    'users reset-password': ['bob'],
    'users temporary-password': ['bob'],
    'users disable': ['bob'],
    'users enable': ['bob'],
    'users keep': ['bob'],
    'users delete': ['bob', '--yes'],
    'users import': [`${folder}/users.ndjson`],
    'sessions revoke': [ada.sessionId],
    'clients create': ['shop', ...scope],
    'clients update': ['shop', ...issuer],
    'clients rotate': ['shop'],
    'clients remove': ['shop'],
    'webhooks create': ['https://receiver.invalid/'],
    'webhooks update': [webhook.id, '--type', 'registered'],
    'webhooks rotate': [webhook.id],
    'webhooks replay': [webhook.id],
    'webhooks remove': [webhook.id],
    'keys rotate': [],
    'keys revoke': [kid],
    'sign-out-everyone': [],
  }
  const known = [...Object.keys(changes), ...WITHOUT_EVENT].sort()
  t.same((await allCommands()).sort(), known, 'add a new command here, and see that it writes an event')

  const count = async () => {
    const [row] = await database.admin`select count(*)::int from security_events where actor = 'cli'`
    return row!.count as number
  }
  for (const [command, args] of Object.entries(changes)) {
    if (command === 'users keep') {
      const bob = await app.context.db.users.findByUsername('bob')
      await app.context.db.users.requestDeletion(bob!.id, 60)
    }
    const before = await count()
    const { code, stderr } = await runLatchkey([...command.split(' '), ...args], { env })
    t.equal(code, 0, `${command}: ${stderr}`)
    t.ok((await count()) > before, command)
  }
})

/** Every command, with the commands below it, from the help. */
async function allCommands(): Promise<string[]> {
  const groups = await commandsBelow([])
  const found = await Promise.all(
    groups.map(async group => {
      const below = await commandsBelow([group])
      // A command that has commands below it can do something by itself.
      const isGroup = below.length > 0 && group !== 'events'
      return [...(isGroup ? [] : [group]), ...below.map(command => `${group} ${command}`)]
    }),
  )
  return found.flat()
}

async function commandsBelow(path: string[]): Promise<string[]> {
  const { stdout } = await runLatchkey([...path, '--help'])
  const [, list = ''] = stdout.split('\nCommands:\n')
  const names = [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name]) => name!)
  return names.filter(name => name !== 'help')
}
