import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { pollStream } from '../../../domain/signals/poll-stream.js'
import { describeError } from '../../../domain/signals/stream-sender.js'
import { Type } from '../../schemas.js'
import { examples } from './examples.js'
import { signalErrors, signalOperation, streamId } from './schemas.js'

const setError = Type.Object({ err: Type.String(), description: Type.Optional(Type.String()) })

const answer = Type.Object(
  {
    sets: Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'The Security Event Tokens by their `jti`. They come again until they are acknowledged.',
    }),
    moreAvailable: Type.Boolean({ description: 'Whether more events wait.' }),
  },
  { title: 'PolledEvents', description: 'The next events.' },
)

/** The endpoint of streams that are polled (RFC 8936). */
export const pollRoute: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const { polls } = context
  app.addEndlessAnswers({ drain: () => polls.close(), end: () => polls.close() })

  app.post(
    '/ssf/poll/:stream_id',
    {
      // The receipts of a few thousand events.
      bodyLimit: 256 * 1024,
      schema: {
        ...signalOperation,
        operationId: 'pollStream',
        summary: 'Fetch the events of a stream',
        description:
          'Acknowledges what was received, and answers with the next events. If there are none, the answer waits up to 20 ' +
          'seconds for one, unless `returnImmediately` is true.',
        params: Type.Object({ stream_id: streamId }),
        body: Type.Object({
          maxEvents: Type.Optional(Type.Integer({ minimum: 0, description: 'At most 100 are sent.' })),
          returnImmediately: Type.Optional(Type.Boolean({ default: false })),
          ack: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 2000 })),
          setErrs: Type.Optional(
            Type.Unsafe<Record<string, { err: string; description?: string }>>({
              type: 'object',
              maxProperties: 1000,
              additionalProperties: setError,
              description: 'By `jti`, why an event was not accepted. It is not sent again.',
            }),
          ),
        }),
        documented: { examples: examples.poll },
        response: { 200: answer, ...signalErrors('stream_not_found') },
      },
    },
    async (request, reply) => {
      const { maxEvents, returnImmediately = false, ack = [], setErrs = {} } = request.body
      const { tokens, hasMore } = await pollStream(context, request.client.clientId, request.params.stream_id, {
        acknowledged: ack,
        refused: new Map(Object.entries(setErrs).map(([jti, error]) => [jti, describeError(error) ?? 'no reason'])),
        maxTokens: maxEvents,
        returnImmediately,
        signal: goneSignal(reply),
      })
      return { sets: Object.fromEntries(tokens), moreAvailable: hasMore }
    },
  )
}

function goneSignal({ raw: response }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return gone.signal
}
