import type { Poster } from '../../lib/post.js'
import type { EventReceiver } from '../../postgres/event-receivers.js'
import { readRetryAfter } from '../deliveries/back-off.js'
import { type Attempt, reasonOf, type Sender } from '../deliveries/sender.js'
import { isLetter, OBSOLETE, type ReadLetter } from '../letters/letters.js'
import { messageOf, type WebhookMessage, withLetter } from './message.js'
import { signatureHeaders } from './signature.js'
import { decryptSecrets, urlOf, type WebhookKeys, type WebhookSecret } from './webhook.js'

export const WEBHOOK_TIMEOUT_MS = 10_000

export interface WebhookSenderOptions {
  poster: Poster
  secrets: WebhookKeys
  /** Milliseconds since the epoch. */
  clock: () => number
  /** Reads the letter of an event, for webhooks that name its type. */
  readLetter: ReadLetter
}

/** Sends events as webhooks (Standard Webhooks 1.0). */
export function createWebhookSender(options: WebhookSenderOptions): Sender {
  return {
    async send(receiver, { eventId, event, user }, signal) {
      // Only other kinds of receivers get messages.
      if (event === null) return { outcome: 'delivered' }
      const message = messageOf(event, user)
      if (!isLetter(event.type)) return sendMessage(options, receiver, { id: eventId, message }, signal)
      const letter = await options.readLetter(event).catch((error: unknown) => reasonOf(error))
      if (typeof letter === 'string') return { outcome: 'failed', reason: letter }
      if (letter === undefined) return OBSOLETE
      return sendMessage(options, receiver, { id: eventId, message: withLetter(message, letter) }, signal)
    },
  }
}

/** Sends one message to a webhook, once. Never rejects. */
export async function sendMessage(
  { poster, secrets, clock }: Omit<WebhookSenderOptions, 'readLetter'>,
  receiver: EventReceiver,
  { id, message }: { id: string; message: WebhookMessage },
  signal?: AbortSignal,
): Promise<Attempt> {
  try {
    const now = clock()
    const body = JSON.stringify(message)
    const target = targetOf(receiver, secrets)
    const living = target.secrets.filter(({ until }) => until === undefined || until > now)
    const signatures = signatureHeaders(
      id,
      now,
      body,
      living.map(({ secret }) => secret),
    )
    const { status, headers } = await poster.post({
      url: target.url,
      headers: { 'content-type': 'application/json', 'user-agent': 'Latchkey-Webhooks', ...signatures },
      body,
      timeoutMs: WEBHOOK_TIMEOUT_MS,
      signal,
      // The body of the answer says nothing: it is only read so that the connection can be kept.
      maxAnswerBytes: 16 * 1024,
    })
    return attemptOf(status, headers['retry-after'])
  } catch (error) {
    if (signal?.aborted) return { outcome: 'interrupted' }
    return { outcome: 'failed', reason: reasonOf(error) }
  }
}

/** What the row of a receiver says. A row that was read again is another object, so a change is seen. */
const targets = new WeakMap<EventReceiver, { url: URL; secrets: readonly WebhookSecret[] }>()

function targetOf(receiver: EventReceiver, keys: WebhookKeys) {
  const known = targets.get(receiver)
  if (known) return known
  const target = { url: urlOf(receiver), secrets: decryptSecrets(receiver, keys) }
  targets.set(receiver, target)
  return target
}

function attemptOf(status: number, retryAfter: string | undefined): Attempt {
  if (status >= 200 && status < 300) return { outcome: 'delivered' }
  if (status === 410) return { outcome: 'gone', reason: 'the answer was 410 Gone' }
  const reason = `the answer was ${status}${status >= 300 && status < 400 ? ', and redirects are not followed' : ''}`
  return { outcome: 'failed', reason, retryAfterSeconds: readRetryAfter(retryAfter) }
}
