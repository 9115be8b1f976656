import type { PostAnswer, Poster } from '../../lib/post.js'
import type { EventReceiver } from '../../postgres/event-receivers.js'
import { readRetryAfter } from '../deliveries/back-off.js'
import { type Attempt, reasonOf, type Sender } from '../deliveries/sender.js'
import type { Secrets } from '../keys/secrets.js'
import { type EventToken, eventTokensOf, type SigningContext } from './event-tokens.js'
import { decryptAuthorization, type StreamReceiver, settingsOf } from './stream.js'

const TIMEOUT_MS = 10_000

export interface StreamSenderOptions extends SigningContext {
  poster: Poster
  secrets: Pick<Secrets, 'deliveryEncryptionKeys'>
}

/** Pushes the tokens of events to the streams that want it (RFC 8935). */
export function createStreamSender(options: StreamSenderOptions): Sender {
  return {
    async send(receiver, delivery, signal) {
      try {
        for (const token of eventTokensOf(options, receiver as StreamReceiver, delivery)) {
          const attempt = await pushToken(options, receiver, token, signal)
          // What the receiver has of this event already is sent again with it, with the same `jti`.
          if (attempt.outcome !== 'delivered') return attempt
        }
        return { outcome: 'delivered' }
      } catch (error) {
        return { outcome: 'failed', reason: reasonOf(error) }
      }
    },
  }
}

/** Sends one token, once. Never rejects. */
export async function pushToken(
  { poster, secrets }: Omit<StreamSenderOptions, keyof SigningContext>,
  receiver: EventReceiver,
  { token }: EventToken,
  signal?: AbortSignal,
): Promise<Attempt> {
  try {
    const authorization = decryptAuthorization(receiver, secrets)
    const answer = await poster.post({
      url: new URL(settingsOf(receiver).url!),
      headers: {
        'content-type': 'application/secevent+jwt',
        accept: 'application/json',
        'user-agent': 'Latchkey-Signals',
        ...(authorization !== undefined && { authorization }),
      },
      body: token,
      timeoutMs: TIMEOUT_MS,
      signal,
      maxAnswerBytes: 16 * 1024,
    })
    return attemptOf(answer)
  } catch (error) {
    if (signal?.aborted) return { outcome: 'interrupted' }
    return { outcome: 'failed', reason: reasonOf(error) }
  }
}

/** RFC 8935, 2.2 and 2.3. */
function attemptOf({ status, headers, body }: PostAnswer): Attempt {
  if (status === 202) return { outcome: 'delivered' }
  const error = status === 400 ? readError(body) : undefined
  if (error !== undefined) return { outcome: 'failed', reason: `the receiver refused it: ${error}`, isRefused: true }
  const retryAfterSeconds = readRetryAfter(headers['retry-after'])
  return { outcome: 'failed', reason: `the answer was ${status}, and not 202`, retryAfterSeconds }
}

/** The error that the receiver answers with (RFC 8935, 2.3); undefined if the body is something else. */
function readError(body: Buffer): string | undefined {
  try {
    return describeError(JSON.parse(body.toString('utf8')))
  } catch {
    return undefined
  }
}

const REASON_MAX_LENGTH = 200

/** The code and the description of an error that a receiver reports, safe to be logged; undefined if it is none. */
export function describeError(error: unknown): string | undefined {
  const { err, description } = (error ?? {}) as Record<string, unknown>
  if (typeof err !== 'string') return undefined
  const text = typeof description === 'string' ? `${err}: ${description}` : err
  return text.replaceAll(/[^\x20-\x7e]+/g, '?').slice(0, REASON_MAX_LENGTH)
}
