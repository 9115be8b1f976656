import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import type { WebhookMessage } from '../../src/domain/webhooks/message.js'

/** A message that arrived with a signature that the library of Standard Webhooks accepts. */
export interface ReceivedMessage extends WebhookMessage {
  /** The header `webhook-id`. */
  id: string
}

/** How a receiver answers. It must end the response. */
export type Answer = (response: ServerResponse, message: ReceivedMessage, request: IncomingMessage) => unknown

export interface WebhookReceiver {
  url: string
  /** What it answered with success, in the order of the answers. */
  readonly accepted: readonly ReceivedMessage[]
  /** Every message that arrived, in order. */
  readonly arrived: readonly ReceivedMessage[]
  /** Requests whose signature is wrong, or that are not messages. */
  readonly refused: readonly string[]
  /** Messages are verified with this from now on. */
  secret: string
  /** How the next messages are answered; with 204 at first. */
  answer: Answer
  close(): Promise<void>
}

/**
 * A server of an application that gets webhooks. It ends with the test.
 *
 * @param options.clock milliseconds since the epoch: messages that are older or newer than five minutes are refused
 */
export async function startWebhookReceiver(
  t: Test,
  { port = 0, clock = Date.now }: { port?: number; clock?: () => number } = {},
): Promise<WebhookReceiver> {
  const accepted: ReceivedMessage[] = []
  const arrived: ReceivedMessage[] = []
  const refused: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = request.headers as Record<string, string>
    try {
      const verified = at(clock(), () => new Webhook(receiver.secret).verify(Buffer.concat(chunks).toString(), headers))
      const message = { ...(verified as WebhookMessage), id: headers['webhook-id']! }
      arrived.push(message)
      await receiver.answer(response, message, request)
      // Before the sender has the answer: a test may look as soon as it has.
      if (response.writableEnded && response.statusCode >= 200 && response.statusCode < 300) accepted.push(message)
    } catch (error) {
      refused.push(String(error))
      response.writeHead(400).end()
    }
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(close)
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    accepted,
    arrived,
    refused,
    secret: '',
    answer: response => response.writeHead(204).end(),
    close,
  }
  return receiver
}

/** The library reads the time from `Date.now` only. */
function at<Result>(now: number, work: () => Result): Result {
  const { now: real } = Date
  Date.now = () => now
  try {
    return work()
  } finally {
    Date.now = real
  }
}
