import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { WebSocketServer } from 'ws'

/** A request as the service behind a gateway received it. */
export interface Arrived {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

/**
 * Starts a service that answers with the request that it received; returns its port. Over a WebSocket it sends the request
 * of the upgrade, and then each message back.
 */
export async function startEchoService(t: Test): Promise<number> {
  const server = createServer({ maxHeaderSize: 65_536 }, async (request, response) => {
    const { method, url, headers } = request
    const arrived = { method, url, headers, body: await text(request) }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(arrived))
  })
  const sockets = new WebSocketServer({ server, maxPayload: 1_000_000 })
  sockets.on('connection', (socket, { method, url, headers }) => {
    socket.send(JSON.stringify({ method, url, headers, body: '' }))
    socket.on('message', message => socket.send(message.toString()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
