import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import type { Backlog } from '../../postgres/deliveries.js'
import type { EventReceiver } from '../../postgres/event-receivers.js'
import { SECURITY_EVENT_TYPES, type SecurityEventType } from '../../postgres/security-event-types.js'
import type { AuthContext } from '../context.js'
import { dropDeliveries } from '../deliveries/drop-deliveries.js'
import { readReceiverUrl } from '../deliveries/receiver-url.js'
import { testMessage } from './message.js'
import { newWebhookSecret } from './signature.js'
import { decryptSecrets, encryptSecrets, findReceiver, urlOf } from './webhook.js'
import { sendMessage, type WebhookSenderOptions } from './webhook-sender.js'

/** A webhook without its secrets. */
export interface Webhook {
  id: string
  url: string
  /** Null for all types, also for those of later versions. */
  types: SecurityEventType[] | null
  createdAt: Date
  disabledAt: Date | null
  disabledReason: string | null
  succeededAt: Date | null
  failingSince: Date | null
  backlog: Backlog
}

type Context = Pick<AuthContext, 'db' | 'secrets'>

/**
 * Creates a webhook: from now on it gets every event of these types.
 *
 * @param types undefined or null for all
 * @param actor who creates it, for the event
 * @returns the webhook, and its secret, which is not shown again
 * @throws LatchkeyError invalid_webhook
 */
export async function createWebhook(
  { db, secrets }: Context,
  { url, types }: { url: string; types?: readonly string[] | null | undefined },
  actor: string,
): Promise<{ webhook: Webhook; secret: string }> {
  const id = newId()
  const secret = newWebhookSecret()
  const given = {
    id,
    kind: 'webhook' as const,
    settings: { url: readUrl(url).href },
    secrets: encryptSecrets(id, [{ secret }], secrets),
    types: readTypes(types) ?? null,
  }
  const receiver = await db.transaction(async repositories => {
    const receiver = await repositories.eventReceivers.create(given)
    await repositories.securityEvents.add({ type: 'webhook_created', actor, details: detailsOf(receiver) })
    return receiver
  })
  return { webhook: toWebhook(receiver, undefined), secret }
}

/** All webhooks, in the order of their creation. */
export async function listWebhooks({ db }: Pick<AuthContext, 'db'>): Promise<Webhook[]> {
  const receivers = await db.eventReceivers.all('webhook')
  const backlogs = await db.deliveries.backlogs(receivers.map(({ id }) => id))
  return receivers.map(receiver => toWebhook(receiver, backlogs.get(receiver.id)))
}

/** @throws LatchkeyError webhook_not_found */
export async function getWebhook({ db }: Pick<AuthContext, 'db'>, id: string): Promise<Webhook> {
  const receiver = await findReceiver(db, id)
  return toWebhook(receiver, (await db.deliveries.backlogs([receiver.id])).get(receiver.id))
}

export interface WebhookChange {
  url?: string | undefined
  /** Null for all. */
  types?: readonly string[] | null | undefined
  /** False sends it nothing more; events of the time until it is enabled are not queued. */
  enabled?: boolean | undefined
}

/**
 * Changes a webhook. What waits is sent to the new address.
 *
 * @throws LatchkeyError webhook_not_found, invalid_webhook
 */
export async function changeWebhook(
  context: Pick<AuthContext, 'db'>,
  id: string,
  { url, types, enabled }: WebhookChange,
  actor: string,
): Promise<Webhook> {
  const settings = url === undefined ? undefined : { url: readUrl(url).href }
  const changes = { settings, types: readTypes(types) }
  await context.db.transaction(async repositories => {
    const { id: receiverId } = await findReceiver(repositories, id)
    const { deliveries, eventReceivers, securityEvents } = repositories
    await eventReceivers.change(receiverId, changes)
    if (enabled === true) await eventReceivers.enable(receiverId)
    // What failed there before may succeed now.
    if (enabled === true || settings !== undefined) await deliveries.hasten(receiverId)
    if (enabled === false) await eventReceivers.disable(receiverId, DISABLED_BY_HAND)
    const changed = await findReceiver(repositories, receiverId)
    await securityEvents.add({ type: 'webhook_changed', actor, details: detailsOf(changed) })
  })
  return getWebhook(context, id)
}

const DISABLED_BY_HAND = 'an administrator disabled it'

/** How long a secret still signs after it was replaced. */
export const SECRET_OVERLAP_SECONDS = 24 * 60 * 60

/**
 * Gives a webhook a new secret. For a day every message is also signed with the one before, so that the receiver loses
 * none while it changes.
 *
 * @param options.immediately the earlier secrets sign nothing more: they are known to somebody else
 * @returns the new secret, which is not shown again
 * @throws LatchkeyError webhook_not_found; busy if it is rotated twice at once
 */
export async function rotateWebhookSecret(
  { db, secrets, clock }: Context & Pick<AuthContext, 'clock'>,
  id: string,
  { immediately = false }: { immediately?: boolean | undefined },
  actor: string,
): Promise<string> {
  const secret = newWebhookSecret()
  const now = clock()
  await db.transaction(async repositories => {
    const receiver = await findReceiver(repositories, id)
    const earlier = immediately ? [] : decryptSecrets(receiver, secrets).slice(0, 1)
    const until = now + SECRET_OVERLAP_SECONDS * 1000
    const all = [{ secret }, ...earlier.map(one => ({ secret: one.secret, until }))]
    const encrypted = encryptSecrets(receiver.id, all, secrets)
    // Another rotation of the same moment has shown a secret that this one would replace.
    if (!(await repositories.eventReceivers.replaceSecrets(receiver.id, receiver.secrets, encrypted)))
      throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
    await repositories.securityEvents.add({
      type: 'webhook_secret_rotated',
      actor,
      details: detailsOf(receiver),
    })
  })
  return secret
}

/**
 * Removes a webhook with everything that waits for it.
 *
 * @throws LatchkeyError webhook_not_found
 */
export async function removeWebhook({ db }: Pick<AuthContext, 'db'>, id: string, actor: string): Promise<void> {
  const removed = await db.transaction(async repositories => {
    const receiver = await findReceiver(repositories, id)
    await repositories.eventReceivers.remove(receiver.id)
    await repositories.securityEvents.add({ type: 'webhook_removed', actor, details: detailsOf(receiver) })
    return receiver.id
  })
  await dropDeliveries({ db }, removed)
}

/**
 * Disables a webhook because of what it answered.
 *
 * @param reason for operators
 */
export async function disableWebhook(
  { db, log }: Pick<AuthContext, 'db' | 'log'>,
  receiver: EventReceiver,
  reason: string,
): Promise<void> {
  const isNew = await db.transaction(async ({ eventReceivers, securityEvents }) => {
    const present = await eventReceivers.lock(receiver.id)
    // The answer came from the address of before: the one of now has not said anything.
    if (!present || urlOf(present).href !== urlOf(receiver).href) return false
    if (!(await eventReceivers.disable(receiver.id, reason))) return false
    const details = { ...detailsOf(receiver), reason }
    await securityEvents.add({ type: 'webhook_disabled', actor: 'system', details })
    return true
  })
  if (isNew) log.warn(`The webhook ${receiver.id} is disabled: ${reason}`)
}

/**
 * Sends a message of the type `test` to a webhook, once and at once, also if it is disabled.
 *
 * @returns with the reason, if it was not delivered
 * @throws LatchkeyError webhook_not_found
 */
export async function testWebhook(
  { db, ...sending }: Pick<AuthContext, 'db'> & Omit<WebhookSenderOptions, 'readLetter'>,
  id: string,
): Promise<{ outcome: 'delivered' | 'failed' | 'gone'; reason: string | null }> {
  const receiver = await findReceiver(db, id)
  const messageId = newId()
  const attempt = await sendMessage(sending, receiver, {
    id: messageId,
    message: testMessage(messageId, sending.clock()),
  })
  // Nothing stops it, so it is not interrupted; and only letters are refused for good.
  if (!('reason' in attempt)) return { outcome: 'delivered', reason: null }
  return { outcome: attempt.outcome === 'gone' ? 'gone' : 'failed', reason: attempt.reason }
}

function readUrl(text: string): URL {
  return readReceiverUrl(text, message =>
    fieldError('invalid_webhook', 'url', message, { detail: `The address ${message}.` }),
  )
}

function readTypes(given: readonly string[] | null | undefined): SecurityEventType[] | null | undefined {
  if (given === undefined || given === null) return given
  const known: readonly string[] = SECURITY_EVENT_TYPES
  const unknown = given.find(type => !known.includes(type))
  if (given.length === 0 || unknown !== undefined) {
    const detail = unknown === undefined ? 'There is no type.' : `${JSON.stringify(unknown)} is not a type of events.`
    throw fieldError('invalid_webhook', 'types', 'must be types of events, or missing for all types', { detail })
  }
  return [...new Set(given)] as SecurityEventType[]
}

/** Without the path of the URL: for some receivers it is a secret. */
function detailsOf(receiver: EventReceiver): Record<string, unknown> {
  return { webhook_id: receiver.id, host: urlOf(receiver).host, ...(receiver.types && { types: receiver.types }) }
}

function toWebhook(receiver: EventReceiver, backlog: Backlog | undefined): Webhook {
  const { id, types, createdAt, disabledAt, disabledReason, succeededAt, failingSince } = receiver
  return {
    id,
    url: urlOf(receiver).href,
    types,
    createdAt,
    disabledAt,
    disabledReason,
    succeededAt,
    failingSince,
    backlog: backlog ?? { waiting: 0, oldestAt: null, abandoned: 0 },
  }
}
