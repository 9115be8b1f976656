import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { findFreePort } from './free-port.js'

/** A TCP proxy to a server that accepts no connection until the test opens it. */
export interface TcpForwarder {
  /** The server's address with the host and port of the forwarder. */
  url: string
  /** Accepts connections from now on; before that they are refused. */
  open(): Promise<void>
  /** Passes nothing from now on, and keeps every connection open, as in a network partition. */
  hang(): void
}

export async function tcpForwarder(t: Test, serverUrl: string): Promise<TcpForwarder> {
  const target = new URL(serverUrl)
  const port = await findFreePort()
  const sockets = new Set<Socket>()
  let hangs = false
  const server = createServer(incoming => {
    const outgoing = connect(Number(target.port), target.hostname)
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.on('data', data => hangs || to.write(data))
    }
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = new URL(serverUrl)
  url.host = `127.0.0.1:${port}`
  return {
    url: url.href,
    open: () => new Promise(resolve => server.listen(port, '127.0.0.1', resolve)),
    hang: () => {
      hangs = true
    },
  }
}
