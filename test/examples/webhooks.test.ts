import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { newWebhookSecret, signatureHeaders } from '../../src/domain/webhooks/signature.js'
import { createWebhook, rotateWebhookSecret, testWebhook } from '../../src/domain/webhooks/webhooks.js'
import { buildTestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { findPython } from '../support/find-python.js'
import { signUp } from '../support/people.js'
import { skipWithout } from '../support/skip-without.js'
import { startExampleProcess } from './example-process.js'

const FOLDER = resolve(import.meta.dirname, '../../examples/webhooks')
const python = await findPython('http.server, hmac')
const receivers = [
  { name: 'receive.mjs', program: 'node', skip: false },
  {
    name: 'receive.py',
    program: python ?? 'python3',
    skip: skipWithout(python !== undefined, 'there is no Python'),
  },
]

/** Starts a receiver with the secret, in a program of its own. */
async function startReceiver(t: Test, { name, program }: { name: string; program: string }, secret: string) {
  const { url, output } = await startExampleProcess(t, program, [`${FOLDER}/${name}`], { WEBHOOK_SECRET: secret })
  const messages = () =>
    output()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as { id: string; type: string; user: string | null })
  return { url, messages }
}

for (const receiver of receivers) {
  t.test(`${receiver.name} takes each event once, in order`, { skip: receiver.skip }, async t => {
    const { app } = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
    const { context } = app
    const secret = newWebhookSecret()
    const { url, messages } = await startReceiver(t, receiver, secret)
    const { webhook } = await createWebhook(context, { url, types: ['registered', 'signed_in'] }, 'test')
    await setSecret(secret)
    const { userId } = await signUp(app)
    await context.dispatcher!.runNow()
    await until(() => messages().length === 1, 'the receiver has the event')
    t.match(messages(), [{ type: 'registered', user: userId }])
    t.match(await testWebhook(context, webhook.id), { outcome: 'delivered' })
    await until(() => messages().some(({ type }) => type === 'test'))

    await rotateWebhookSecret(context, webhook.id, {}, 'test')
    t.match(await testWebhook(context, webhook.id), { outcome: 'delivered' }, 'the earlier secret still signs')
    await rotateWebhookSecret(context, webhook.id, { immediately: true }, 'test')
    t.match(await testWebhook(context, webhook.id), { outcome: 'failed', reason: 'the answer was 401' })

    /** The receiver was started with a secret, so that its address is known before the webhook exists. */
    async function setSecret(secret: string): Promise<void> {
      const { encryptSecrets } = await import('../../src/domain/webhooks/webhook.js')
      const [{ secrets } = { secrets: Buffer.of() }] = await context.db.eventReceivers.allSecrets()
      const encrypted = encryptSecrets(webhook.id, [{ secret }], context.secrets)
      t.ok(await context.db.eventReceivers.replaceSecrets(webhook.id, secrets, encrypted))
    }
  })

  t.test(`${receiver.name} refuses what is not signed, is old or was changed`, { skip: receiver.skip }, async t => {
    const secret = newWebhookSecret()
    const { url, messages } = await startReceiver(t, receiver, secret)
    const body = JSON.stringify({ type: 'test', data: { user_id: null } })
    const signed = (sentAt = Date.now(), by = secret) => signatureHeaders('1', sentAt, body, [by])
    const send = async (headers: Record<string, string>, text = body) =>
      (await fetch(url, { method: 'POST', headers, body: text })).status
    const old = Date.now() - 10 * 60_000
    t.equal(await send({}), 401)
    t.equal(await send(signed(Date.now(), newWebhookSecret())), 401, 'another secret')
    t.equal(await send(signed(old)), 401, 'old')
    t.equal(await send({ ...signed(old), 'webhook-timestamp': signed()['webhook-timestamp'] }), 401, 'made younger')
    t.equal(await send(signed(), body.replace('test', 'tesT')), 401, 'changed')
    t.equal(await send({ ...signed(), 'webhook-id': '2' }), 401, 'another id')
    t.equal(await send({ ...signed(), 'webhook-timestamp': 'now' }), 401)
    t.equal(messages().length, 0)
    t.equal(await send(signed()), 204)
    t.equal(await send(signed()), 204, 'again')
    await until(() => messages().length > 0)
    t.equal(messages().length, 1, 'it is taken once')
    // It can close the connection before the whole body was sent.
    t.equal(await send(signed(), 'x'.repeat(200_000)).catch(() => 413), 413, 'too long')
  })
}
