import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

interface RequestInParts {
  method: string
  path: string
  headers: Record<string, string>
  body: string
}

/** Sends the head and half of the body of a request over a real connection, awaits `between`, and sends the rest. */
export async function requestInParts(
  app: FastifyInstance,
  { method, path, headers, body }: RequestInParts,
  between: () => Promise<void>,
): Promise<{ status: number; body: unknown }> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const length = { 'content-length': String(Buffer.byteLength(body)) }
  const sending = request({ port, host: '127.0.0.1', method, path, headers: { ...headers, ...length } })
  const answered = new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    sending.on('error', reject)
    sending.on('response', async response => {
      const text = (await response.setEncoding('utf8').toArray()).join('')
      resolve({ status: response.statusCode!, body: text === '' ? undefined : JSON.parse(text) })
    })
  })
  const half = Math.floor(body.length / 2)
  sending.write(body.slice(0, half))
  // The hooks before the body have run by then. If they are slower, the test still passes, but tests less.
  await sleep(200)
  await between()
  sending.end(body.slice(half))
  return answered
}
