import t from 'tap'
import { createWebhook, testWebhook } from '../../src/domain/webhooks/webhooks.js'
import { buildTestApp } from '../support/build-test-app.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'

const FIRST = 'the first signing secret of thirty-two bytes or more'
const SECOND = 'the second signing secret of thirty-two bytes or more'
const LOST = 'a signing secret that only one instance ever had, of thirty-two bytes'

t.test('after a start with the new JWT_SECRET, webhooks are signed without the old one', async t => {
  const before = await buildTestApp(t, { JWT_SECRET: FIRST, DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const receiver = await startWebhookReceiver(t, { clock: before.clock.now })
  const { webhook, secret } = await createWebhook(before.app.context, { url: receiver.url }, 'cli')
  receiver.secret = secret
  const outcomeAt = (test: typeof before) => testWebhook(test.app.context, webhook.id)

  const prepared = await before.another({ JWT_SECRET: `${FIRST},${SECOND}` })
  const changed = await prepared.another({ JWT_SECRET: `${SECOND},${FIRST}` })
  t.match(await outcomeAt(changed), { outcome: 'delivered' })
  t.match(await outcomeAt(prepared), { outcome: 'delivered' }, 'an instance that knows both secrets')
  const alone = await before.another({ JWT_SECRET: SECOND })
  t.match(await outcomeAt(alone), { outcome: 'delivered' })
  t.match(await outcomeAt(before), {
    outcome: 'failed',
    reason: /was encrypted with a JWT_SECRET that is not configured/,
  })
})

t.test('a secret that no configured JWT_SECRET decrypts is left as it is, and does not prevent a start', async t => {
  const before = await buildTestApp(t, { JWT_SECRET: FIRST })
  const { webhook } = await createWebhook(before.app.context, { url: 'https://hooks.example/' }, 'cli')
  const damaged = Buffer.from('damaged')
  const { eventReceivers } = before.app.context.db
  const secrets = (await eventReceivers.allSecrets())[0]!.secrets
  t.ok(await eventReceivers.replaceSecrets(webhook.id, secrets, damaged))
  t.notOk(await eventReceivers.replaceSecrets(webhook.id, secrets, Buffer.from(LOST)), 'only what it was')
  await before.another({ JWT_SECRET: `${SECOND},${FIRST}` })
  t.match(await eventReceivers.allSecrets(), [{ id: webhook.id, secrets: damaged }])
})
