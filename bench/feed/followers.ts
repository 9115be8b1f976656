import { connect, type Socket } from 'node:net'
import { send } from './load.js'

// A process with followers as raw sockets, which only note when a session arrives, so that they cost little. It is told
// what to do over IPC, and answers each message with one.

export type Order =
  | { do: 'connect'; port: number; token: string; count: number; areVerifiers: boolean }
  /** @param sentAt - `process.hrtime.bigint()` of the other process, in nanoseconds */
  | { do: 'expect'; sessionId: string; sentAt: string }
  | { do: 'close' }

const sockets: Socket[] = []
/** The position that each verifier has to confirm. */
const positions = new Map<string, string>()
const CONFIRM_EVERY_MS = 8000
let confirming: NodeJS.Timeout | undefined
let expected: { needle: string; sentAt: bigint; delays: number[]; waiting: Set<Socket> } | undefined

process.on('message', async (order: Order) => {
  if (order.do === 'connect') process.send!(await open(order))
  else if (order.do === 'close') {
    clearInterval(confirming)
    for (const socket of sockets.splice(0)) socket.removeAllListeners('close').destroy()
    process.send!('closed')
  } else {
    const { sessionId, sentAt } = order
    expected = { needle: sessionId, sentAt: BigInt(sentAt), delays: [], waiting: new Set(sockets) }
    process.send!('ready')
  }
})

/** Resolves with the milliseconds until the last one had its first position. */
async function open({ port, token, count, areVerifiers }: Order & { do: 'connect' }): Promise<number> {
  const begunAt = performance.now()
  if (areVerifiers) confirming = setInterval(() => confirmNext(port, token), CONFIRM_EVERY_MS / count)
  const inFlight: Promise<void>[] = []
  for (let n = 0; n < count; n++) {
    inFlight.push(follow(port, token, areVerifiers ? crypto.randomUUID() : undefined))
    // Not more at once than the system queues for a listener.
    if (n % 50 === 49) await Promise.all(inFlight.splice(0))
  }
  await Promise.all(inFlight)
  return performance.now() - begunAt
}

/** Each verifier in its turn. */
function confirmNext(port: number, token: string): void {
  const [next] = positions
  if (!next) return
  const [verifier, position] = next
  positions.delete(verifier)
  positions.set(verifier, position)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ verifier, position })
  void send(`http://127.0.0.1:${port}/auth/activity`, 'POST', headers, body)
}

function follow(port: number, token: string, verifier: string | undefined): Promise<void> {
  const query = verifier === undefined ? '' : `?verifier=${verifier}`
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.write(`GET /auth/revocations${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the service closed a connection')))
    socket.on('data', chunk => {
      if (chunk.includes('\nid: ') || chunk.includes('\r\nid: ')) resolve()
      if (verifier !== undefined && chunk.includes('"position"'))
        positions.set(verifier, /"position":"([^"]+)"/.exec(chunk.toString('latin1'))?.[1] ?? positions.get(verifier)!)
      const { needle, sentAt, delays, waiting } = expected ?? {}
      if (needle === undefined || !waiting!.has(socket) || !chunk.includes(needle)) return
      delays!.push(Number(process.hrtime.bigint() - sentAt!) / 1e6)
      waiting!.delete(socket)
      if (waiting!.size > 0) return
      process.send!(delays!)
      expected = undefined
    })
  })
}
