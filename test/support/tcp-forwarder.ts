import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { findFreePort } from '../../src/stores/embedded/find-free-port.js'

/** An address that leads to a server only when a test wants it to. */
export interface TcpForwarder {
  /** The server's own address with the host and port of the forwarder in it. */
  url: string
  /** From here on connections are taken; before, they are refused. */
  open(): Promise<void>
  /** From here on nothing is passed on, while every connection stays open: what a network partition looks like. */
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
