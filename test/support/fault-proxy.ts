import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

/** `up` is from the client to the server, `down` is back. */
export type Direction = 'up' | 'down'

/** A TCP proxy between the service and a server, which fails in the way that a test asks for. */
export interface FaultProxy {
  /** The target's address with the proxy's host and port in it. */
  readonly url: string
  /** How many connections were accepted so far. */
  readonly accepted: number
  /** Resets every connection and refuses new ones. */
  refuse(): Promise<void>
  /** Drops all data in this direction, also of new connections: nothing is closed, nothing is answered. */
  blackHole(direction?: Direction | 'both'): void
  /** Delays all data by this time in each direction. */
  delay(ms: number): void
  /** Passes this many more bytes in this direction, then resets the connection that carried them. Works once. */
  cutAfter(bytes: number, direction: Direction): void
  /** Cuts every connection, those of now and those to come, after so many more bytes in this direction. */
  cutEach(bytes: () => number, direction: Direction): void
  /** Resets the connection on which this text passes, without the text. Works once. Resolves when that is done. */
  cutAt(text: string, direction: Direction): Promise<void>
  /** Resets every connection, as a server that crashes does. */
  reset(): void
  /** Leads new connections to another server. */
  retarget(url: string): void
  /** Passes new connections again. A connection from a black hole stays silent, as behind a firewall that forgot it. */
  heal(): Promise<void>
}

interface Link {
  sockets: Record<Direction, Socket>
  /** The directions in which all data is dropped. */
  dumb: Set<Direction>
  /** Keeps the order of delayed data, also when the delay becomes shorter. */
  inOrder: Record<Direction, Promise<void>>
  /** How many chunks are delayed. */
  delayed: Record<Direction, number>
  cut: Cut | undefined
}

interface Cut {
  direction: Direction
  bytesLeft: number
  text?: string
  onCut?: () => void
}

/** Starts a proxy to the host and port of an address; it ends with the test. */
export async function startFaultProxy(t: Test, options: { target: string }): Promise<FaultProxy> {
  let target = new URL(options.target)
  const links = new Set<Link>()
  let swallowed: readonly Direction[] = []
  let delayMs = 0
  let cut: Cut | undefined
  let cutOfEach: (() => Cut) | undefined
  let accepted = 0

  const server = createServer(client => {
    accepted++
    // With a black hole in both directions not even a connection to the server is made.
    if (swallowed.length === 2) {
      return watch(newLink(client, client))
    }
    watch(newLink(connect(Number(target.port), target.hostname), client))
  })

  function newLink(up: Socket, down: Socket): Link {
    const inOrder = { up: Promise.resolve(), down: Promise.resolve() }
    return { sockets: { up, down }, dumb: new Set(swallowed), inOrder, delayed: { up: 0, down: 0 }, cut: cutOfEach?.() }
  }

  /** Data that goes up is written to `sockets.up`; data that goes down is read from it. */
  function watch(link: Link): void {
    links.add(link)
    const { up, down } = link.sockets
    for (const socket of new Set([up, down])) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => end(link))
    }
    down.on('data', chunk => pass(link, 'up', chunk))
    if (up !== down) up.on('data', chunk => pass(link, 'down', chunk))
  }

  function pass(link: Link, direction: Direction, chunk: Buffer): void {
    if (link.dumb.has(direction)) return
    const wait = delayMs
    const send = () => {
      if (link.dumb.has(direction) || !links.has(link)) return
      const reached = [cut, link.cut].find(cut => cut?.direction === direction && reachesCut(cut, chunk))
      if (!reached) {
        link.sockets[direction].write(chunk)
        return
      }
      const { bytesLeft, onCut } = reached
      if (reached === cut) cut = undefined
      if (bytesLeft > 0) link.sockets[direction].write(chunk.subarray(0, bytesLeft))
      end(link)
      onCut?.()
    }
    if (wait === 0 && link.delayed[direction] === 0) {
      send()
      return
    }
    link.delayed[direction]++
    link.inOrder[direction] = Promise.all([link.inOrder[direction], sleep(wait)]).then(() => {
      link.delayed[direction]--
      send()
    })
  }

  function end(link: Link): void {
    if (!links.delete(link)) return
    for (const socket of Object.values(link.sockets)) {
      // A reset of a socket that is already ending would keep Node from exiting.
      if (socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  const reset = () => {
    for (const link of links) end(link)
  }
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }

  await listen(0)
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    reset()
    server.close()
  })
  const url = new URL(options.target)
  url.hostname = '127.0.0.1'
  url.port = String(port)

  return {
    url: url.href,
    get accepted() {
      return accepted
    },
    async refuse() {
      const closed = server.listening ? new Promise(resolve => server.close(resolve)) : undefined
      reset()
      await closed
    },
    blackHole(direction = 'both') {
      swallowed = direction === 'both' ? ['up', 'down'] : [direction]
      for (const link of links) for (const way of swallowed) link.dumb.add(way)
    },
    delay(ms) {
      delayMs = ms
    },
    cutAfter(bytes, direction) {
      cut = { direction, bytesLeft: bytes }
    },
    cutEach(bytes, direction) {
      cutOfEach = () => ({ direction, bytesLeft: bytes() })
      for (const link of links) link.cut = cutOfEach()
    },
    cutAt: (text, direction) =>
      new Promise(onCut => {
        cut = { direction, bytesLeft: 0, text, onCut }
      }),
    reset,
    retarget(address) {
      target = new URL(address)
    },
    async heal() {
      swallowed = []
      delayMs = 0
      cut = undefined
      cutOfEach = undefined
      for (const link of links) link.cut = undefined
      if (!server.listening) await listen(port)
    },
  }
}

/** Counts the chunk, and returns whether the connection is cut within it. */
function reachesCut(cut: Cut, chunk: Buffer): boolean {
  if (cut.text !== undefined) return chunk.includes(cut.text)
  if (chunk.length > cut.bytesLeft) return true
  cut.bytesLeft -= chunk.length
  return false
}
