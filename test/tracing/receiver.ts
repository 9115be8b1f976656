import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface ReceivedSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status: { code?: number }
  attributes: Record<string, unknown>
}

interface SentAttribute {
  key: string
  value: Record<string, unknown>
}

interface Sent {
  resourceSpans: {
    resource: { attributes: SentAttribute[] }
    scopeSpans: { spans: (Omit<ReceivedSpan, 'attributes'> & { attributes: SentAttribute[] })[] }[]
  }[]
}

/** A receiver of OpenTelemetry's protocol over HTTP, in its JSON form. */
export interface Receiver {
  url: string
  spans: ReceivedSpan[]
  /** The attributes of the service. */
  resource: Record<string, unknown>
  /** All that was received, as text. */
  text(): string
}

export async function startReceiver(t: Test): Promise<Receiver> {
  const spans: ReceivedSpan[] = []
  const resource: Record<string, unknown> = {}
  let text = ''
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    text += body
    if (request.url === '/v1/traces') {
      for (const { scopeSpans, resource: from } of (JSON.parse(body) as Sent).resourceSpans) {
        Object.assign(resource, toObject(from.attributes))
        for (const each of scopeSpans)
          spans.push(...each.spans.map(span => ({ ...span, attributes: toObject(span.attributes) })))
      }
    }
    response.setHeader('content-type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, resource, text: () => text }
}

function toObject(attributes: readonly SentAttribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, 'intValue' in value ? Number(value.intValue) : Object.values(value)[0]]),
  )
}
