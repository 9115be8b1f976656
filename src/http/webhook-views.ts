import type { Webhook } from '../domain/webhooks/webhooks.js'
import type { AbandonedDelivery } from '../postgres/deliveries.js'
import { type Static, Type, uuidSchema } from './schemas.js'

const nullableInstant = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description })
const nullableText = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })
const nullableUuid = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid', description })

const described = {
  id: Type.String({ ...uuidSchema, description: 'The id of the webhook.' }),
  url: Type.String({ examples: ['https://shop.example/latchkey'] }),
  types: Type.Unsafe<string[] | null>({
    type: ['array', 'null'],
    items: { type: 'string' },
    description: 'The types of events that it gets; null for all, also for those of later versions.',
  }),
  created_at: Type.String({ format: 'date-time' }),
}

/** A webhook in the list and by itself. */
export const webhookSchema = Type.Object(
  {
    ...described,
    waiting: Type.Integer({ description: 'How many events wait to be sent. It is counted up to 10000.' }),
    oldest_at: nullableInstant('When the oldest event was queued that waits; null if none does.'),
    abandoned: Type.Integer({ description: 'How many events were given up. It is counted up to 10000.' }),
    succeeded_at: nullableInstant('When an attempt last succeeded, to the minute; null if none has.'),
    failing_since: nullableInstant('Since when every attempt fails; null if the last one succeeded.'),
    disabled_at: nullableInstant('Since when it gets no events; null if it is enabled.'),
    disabled_reason: nullableText('Why it was disabled.'),
  },
  { title: 'Webhook', description: 'The webhook, and what waits for it.' },
)

/** The answer that shows the secret. */
export const createdWebhookSchema = Type.Object(
  {
    ...described,
    secret: Type.String({
      description: 'With this the receiver verifies the messages. It is shown only once.',
      examples: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'],
    }),
  },
  { title: 'CreatedWebhook', description: 'The webhook with its secret.' },
)

/** An event that was given up. */
const failedDeliverySchema = Type.Object(
  {
    event_id: uuidSchema,
    type: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'Null if the event was deleted since, because EVENT_RETENTION is over.',
    }),
    user_id: nullableUuid('Null if the event belongs to no account, or was deleted since.'),
    queued_at: Type.String({ format: 'date-time' }),
    abandoned_at: Type.String({ format: 'date-time', description: 'When it was given up.' }),
    attempts: Type.Integer({ description: 'How often it was tried.' }),
    reason: Type.String({ description: 'Why the last attempt failed.', examples: ['the answer was 500'] }),
  },
  { title: 'FailedDelivery' },
)

export const failedDeliveryPageSchema = Type.Object(
  {
    deliveries: Type.Array(failedDeliverySchema),
    next_cursor: nullableText('Null on the last page.'),
  },
  { title: 'FailedDeliveryPage', description: 'A page of the events that were given up, the latest first.' },
)

/** What a request can say of types. The domain checks the words. */
export const typesSchema = Type.Unsafe<string[] | null>({
  type: ['array', 'null'],
  items: { type: 'string', maxLength: 64 },
  minItems: 1,
  maxItems: 200,
  examples: [['registered', 'user_deleted']],
  description: 'Types of events (docs/events.md); null for all.',
})

const iso = (instant: Date | null) => instant?.toISOString() ?? null

function describedView({ id, url, types, createdAt }: Webhook) {
  return { id, url, types, created_at: createdAt.toISOString() }
}

export function webhookView(webhook: Webhook): Static<typeof webhookSchema> {
  const { backlog, succeededAt, failingSince, disabledAt, disabledReason } = webhook
  return {
    ...describedView(webhook),
    waiting: backlog.waiting,
    oldest_at: iso(backlog.oldestAt),
    abandoned: backlog.abandoned,
    succeeded_at: iso(succeededAt),
    failing_since: iso(failingSince),
    disabled_at: iso(disabledAt),
    disabled_reason: disabledReason,
  }
}

export function createdWebhookView(webhook: Webhook, secret: string): Static<typeof createdWebhookSchema> {
  return { ...describedView(webhook), secret }
}

export function failedDeliveryView(delivery: AbandonedDelivery): Static<typeof failedDeliverySchema> {
  const { eventId, type, userId, queuedAt, abandonedAt, attempts, reason } = delivery
  return {
    event_id: eventId,
    type,
    user_id: userId,
    queued_at: queuedAt.toISOString(),
    abandoned_at: abandonedAt.toISOString(),
    attempts,
    reason,
  }
}
