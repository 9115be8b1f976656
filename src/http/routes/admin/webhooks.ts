import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { abandonedDeliveries, replayEvents } from '../../../domain/webhooks/replay.js'
import {
  changeWebhook,
  createWebhook,
  getWebhook,
  listWebhooks,
  removeWebhook,
  rotateWebhookSecret,
  testWebhook,
} from '../../../domain/webhooks/webhooks.js'
import { fieldError } from '../../../lib/errors.js'
import { readInstant } from '../../instant.js'
import { bodyOf, idSchema, optionalBodyOf, Type } from '../../schemas.js'
import {
  createdWebhookSchema,
  createdWebhookView,
  failedDeliveryPageSchema,
  failedDeliveryView,
  typesSchema,
  webhookSchema,
  webhookView,
} from '../../webhook-views.js'
import { examples } from './examples.js'
import { adminErrors, adminOperation } from './schemas.js'

const webhookParams = Type.Object({ id: Type.String({ ...idSchema, description: 'The id of the webhook.' }) })

// The domain checks it, because its errors give the reason.
const urlSchema = Type.String({
  maxLength: 2048,
  description:
    'Where the messages are sent to: an https URL. Plain http and private addresses need DELIVERY_ALLOWED_NETWORKS.',
})

const DEFAULT_LIMIT = '100'
/** A request looks at this number of thousands of events, so that it is answered in time. */
const REPLAY_PARTS = 50

/** Manages webhooks: where events are sent to. */
export const webhookRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/admin/webhooks',
    {
      schema: {
        ...adminOperation,
        operationId: 'createWebhook',
        documented: { examples: examples.createWebhook },
        summary: 'Create a webhook',
        description:
          'From now on every event of these types is sent to the URL, signed as Standard Webhooks describes. Only this ' +
          'response contains the secret with which the receiver verifies the messages.',
        body: bodyOf({ url: urlSchema, types: Type.Optional(typesSchema) }),
        response: { 201: createdWebhookSchema, ...adminErrors('invalid_webhook') },
      },
    },
    async (request, reply) => {
      const { webhook, secret } = await createWebhook(request.adminContext(), request.body, request.actor)
      reply.code(201)
      return createdWebhookView(webhook, secret)
    },
  )

  app.get(
    '/admin/webhooks',
    {
      schema: {
        ...adminOperation,
        operationId: 'listWebhooks',
        summary: 'List the webhooks',
        description: 'All of them, the oldest first, each with what waits for it.',
        response: {
          200: Type.Object(
            { webhooks: Type.Array(webhookSchema) },
            { title: 'WebhookList', description: 'The webhooks.' },
          ),
          ...adminErrors(),
        },
      },
    },
    async () => ({ webhooks: (await listWebhooks(context)).map(webhookView) }),
  )

  app.get(
    '/admin/webhooks/:id',
    {
      schema: {
        ...adminOperation,
        operationId: 'getWebhook',
        summary: 'Get a webhook',
        description: 'With what waits for it, and whether it fails.',
        params: webhookParams,
        response: { 200: webhookSchema, ...adminErrors('webhook_not_found') },
      },
    },
    async request => webhookView(await getWebhook(context, request.params.id)),
  )

  app.patch(
    '/admin/webhooks/:id',
    {
      schema: {
        ...adminOperation,
        operationId: 'changeWebhook',
        documented: { examples: examples.changeWebhook },
        summary: 'Change, disable or enable a webhook',
        description:
          'What waits is sent to the new URL, and at once. `enabled: false` sends nothing more: what waits is kept, and ' +
          'events of this time are not queued. `enabled: true` sends again, also after the service disabled it.',
        params: webhookParams,
        body: Type.Object(
          {
            url: Type.Optional(urlSchema),
            types: Type.Optional(typesSchema),
            enabled: Type.Optional(Type.Boolean()),
          },
          { additionalProperties: false, minProperties: 1, 'x-message': 'must have url, types or enabled' },
        ),
        response: { 200: webhookSchema, ...adminErrors('webhook_not_found', 'invalid_webhook') },
      },
    },
    async request =>
      webhookView(await changeWebhook(request.adminContext(), request.params.id, request.body, request.actor)),
  )

  app.delete(
    '/admin/webhooks/:id',
    {
      schema: {
        ...adminOperation,
        operationId: 'removeWebhook',
        summary: 'Remove a webhook',
        description: 'With everything that waits for it or was given up.',
        params: webhookParams,
        response: { 204: Type.Null({ description: 'The webhook is removed.' }), ...adminErrors('webhook_not_found') },
      },
    },
    async (request, reply) => {
      await removeWebhook(request.adminContext(), request.params.id, request.actor)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/admin/webhooks/:id/secret',
    {
      schema: {
        ...adminOperation,
        operationId: 'rotateWebhookSecret',
        documented: { examples: examples.rotateWebhookSecret },
        summary: 'Replace the secret of a webhook',
        description:
          'For a day each message has a signature of the earlier secret too, so that the receiver can change at any ' +
          'moment. `immediately` ends the earlier secret at once: for a secret that somebody else knows.',
        params: webhookParams,
        body: optionalBodyOf({ immediately: Type.Optional(Type.Boolean()) }),
        response: {
          200: Type.Object(
            { secret: Type.String({ description: 'The new secret. It is shown only once.' }) },
            { title: 'WebhookSecret', description: 'The new secret.' },
          ),
          ...adminErrors('webhook_not_found', 'busy'),
        },
      },
    },
    async request => {
      const { id } = request.params
      return { secret: await rotateWebhookSecret(request.adminContext(), id, request.body ?? {}, request.actor) }
    },
  )

  app.post(
    '/admin/webhooks/:id/test',
    {
      schema: {
        ...adminOperation,
        operationId: 'testWebhook',
        summary: 'Send a test message to a webhook',
        description:
          'Sends a message of the type `test` now, once, also if the webhook is disabled, and answers with the outcome. ' +
          'It takes up to ten seconds, and changes nothing.',
        params: webhookParams,
        response: {
          200: Type.Object(
            {
              outcome: Type.Union([Type.Literal('delivered'), Type.Literal('failed'), Type.Literal('gone')], {
                description: '`gone`: the answer was 410. A real event would disable the webhook.',
              }),
              reason: Type.Unsafe<string | null>({
                type: ['string', 'null'],
                description: 'Why it was not delivered; null if it was.',
                examples: ['the answer was 404'],
              }),
            },
            { title: 'WebhookTest', description: 'How the attempt ended.' },
          ),
          ...adminErrors('webhook_not_found'),
        },
      },
    },
    async request => testWebhook(context, request.params.id),
  )

  app.get(
    '/admin/webhooks/:id/failed',
    {
      schema: {
        ...adminOperation,
        operationId: 'listFailedDeliveries',
        summary: 'List the events that were given up, one page at a time',
        description: 'The latest first. They stay for EVENT_RETENTION, or until they are replayed.',
        params: webhookParams,
        querystring: bodyOf({
          limit: Type.String({
            pattern: '^([1-9][0-9]{0,2}|1000)$',
            'x-message': 'must be a whole number from 1 to 1000',
            default: DEFAULT_LIMIT,
            description: 'Events per page, 1 to 1000.',
          }),
          cursor: Type.Optional(
            Type.String({ minLength: 1, maxLength: 2048, description: 'The `next_cursor` of the previous page.' }),
          ),
        }),
        response: { 200: failedDeliveryPageSchema, ...adminErrors('webhook_not_found') },
      },
    },
    async request => {
      const { limit, cursor } = request.query
      const page = await abandonedDeliveries(context, request.params.id, { cursor, limit: Number(limit) })
      return { deliveries: page.deliveries.map(failedDeliveryView), next_cursor: page.nextCursor }
    },
  )

  app.post(
    '/admin/webhooks/:id/replay',
    {
      schema: {
        ...adminOperation,
        operationId: 'replayWebhook',
        documented: { examples: examples.replayWebhook },
        summary: 'Send events to a webhook again',
        description:
          'Without `since`, what was given up. With it, every event from this time until now, of the types that the ' +
          'webhook gets, also those that it has. A request looks at 50000 events: while `next_cursor` is not null, send ' +
          'it as `cursor`, without `since`.',
        params: webhookParams,
        body: optionalBodyOf({
          since: Type.Optional(Type.String({ format: 'date-time', maxLength: 40 })),
          cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
        }),
        response: {
          200: Type.Object(
            {
              queued: Type.Integer({ description: 'How many events this request queued. They are sent from now on.' }),
              next_cursor: Type.Unsafe<string | null>({
                type: ['string', 'null'],
                description: 'Null if nothing is left.',
              }),
            },
            { title: 'WebhookReplay', description: 'The events are queued.' },
          ),
          ...adminErrors('webhook_not_found'),
        },
      },
    },
    async request => {
      const { since, cursor } = request.body ?? {}
      if (since !== undefined && cursor !== undefined)
        throw fieldError('invalid_request', 'cursor', 'cannot be sent together with since')
      const from = since === undefined ? undefined : readInstant('since', since)
      const options = { since: from, cursor, actor: request.actor, maxParts: REPLAY_PARTS }
      const { queued, nextCursor } = await replayEvents(context, request.params.id, options)
      return { queued, next_cursor: nextCursor }
    },
  )
}
