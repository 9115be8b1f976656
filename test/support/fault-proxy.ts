import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

/** `up` is from the client to the server. */
export type Direction = 'up' | 'down'

/** A network between the service and what it talks to, which fails when a test says so. */
export interface FaultProxy {
  /** The target's address with the proxy's host and port in it. */
  readonly url: string
  /** How many connections were accepted so far. */
  readonly accepted: number
  /** Resets every connection and refuses new ones. */
  refuse(): Promise<void>
  /** Swallows every byte that goes this way, and connects nobody any more: nothing is closed, nothing is answered. */
  blackHole(direction?: Direction | 'both'): void
  /** Holds every byte up for so long, each way. */
  delay(ms: number): void
  /** Lets this much more pass this way, then resets the connection that carried it. Works once. */
  cutAfter(bytes: number, direction: Direction): void
  /** Resets the connection on which this text comes by; the text does not arrive. Works once. Resolves when it is done. */
  cutAt(text: string, direction: Direction): Promise<void>
  /** Resets every connection there is, as a server that dies does. */
  reset(): void
  /** New connections lead there. */
  retarget(url: string): void
  /** New connections pass again. One that a black hole had swallowed stays dumb, as behind a firewall that forgot it. */
  heal(): Promise<void>
}

interface Link {
  sockets: Record<Direction, Socket>
  dumb: Set<Direction>
  /** Keeps the order of what is held up. */
  inOrder: Record<Direction, Promise<void>>
}

interface Cut {
  direction: Direction
  bytesLeft: number
  text: string | undefined
  onCut: () => void
}

/** Starts a proxy to the host and port of an address; it ends with the test. */
export async function startFaultProxy(t: Test, options: { target: string }): Promise<FaultProxy> {
  let target = new URL(options.target)
  const links = new Set<Link>()
  let swallowed: readonly Direction[] = []
  let delayMs = 0
  let cut: Cut | undefined
  let accepted = 0

  const server = createServer(client => {
    accepted++
    // A hole in one direction lets a connection begin, in which then nothing comes back.
    if (swallowed.length === 2) {
      const link: Link = { sockets: { up: client, down: client }, dumb: new Set(swallowed), inOrder: inOrder() }
      return watch(link)
    }
    const upstream = connect(Number(target.port), target.hostname)
    watch({ sockets: { up: upstream, down: client }, dumb: new Set(swallowed), inOrder: inOrder() })
  })

  /** `sockets.up` is written to for what goes up, and read for what goes down. */
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
      const isCut = cut?.direction === direction && reachesCut(cut, chunk)
      if (!isCut) {
        link.sockets[direction].write(chunk)
        return
      }
      const { bytesLeft, onCut } = cut!
      cut = undefined
      if (bytesLeft > 0) link.sockets[direction].write(chunk.subarray(0, bytesLeft))
      end(link)
      onCut()
    }
    if (wait === 0) {
      send()
      return
    }
    link.inOrder[direction] = Promise.all([link.inOrder[direction], sleep(wait)]).then(send)
  }

  function end(link: Link): void {
    if (!links.delete(link)) return
    for (const socket of Object.values(link.sockets)) {
      // To reset what is already ending would keep Node from ever exiting.
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
      cut = { direction, bytesLeft: bytes, text: undefined, onCut: () => {} }
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
      if (!server.listening) await listen(port)
    },
  }
}

const inOrder = () => ({ up: Promise.resolve(), down: Promise.resolve() })

/** Counts the chunk, and tells whether the connection ends within it. */
function reachesCut(cut: Cut, chunk: Buffer): boolean {
  if (cut.text !== undefined) return chunk.includes(cut.text)
  if (chunk.length > cut.bytesLeft) return true
  cut.bytesLeft -= chunk.length
  return false
}
