import { connect, type Socket } from 'node:net'

export interface Load {
  port: number
  /** Complete requests, sent in turn; their answers have no body. */
  requests: readonly string[]
  connections: number
  seconds: number
}

export interface Measured {
  requests: number
  /** Answers with another status than 200. */
  others: number
  /** Milliseconds from sending to the end of the answer, ascending. */
  latencies: Float64Array
}

/**
 * Sends requests as a gateway does: over connections that stay open, each with one request at a time. It reads no more of
 * an answer than it must, so that it takes less CPU than what it measures.
 */
export async function load({ port, requests, connections, seconds }: Load): Promise<Measured> {
  const latencies: number[] = []
  let others = 0
  let next = 0
  const end = performance.now() + seconds * 1000
  const one = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      let sentAt = 0
      const send = () => {
        sentAt = performance.now()
        socket.write(requests[next++ % requests.length]!)
      }
      socket.setEncoding('latin1')
      socket.on('error', reject)
      socket.on('data', (text: unknown) => {
        if (!String(text).endsWith('\r\n\r\n')) return reject(new Error(`an unexpected answer: ${text}`))
        const now = performance.now()
        latencies.push(now - sentAt)
        if (!String(text).startsWith('HTTP/1.1 200')) others++
        if (now < end) return send()
        socket.destroy()
        resolve()
      })
      send()
    })
  const sockets = Array.from({ length: connections }, () => connect(port, '127.0.0.1').setNoDelay())
  await Promise.all(sockets.map(one))
  return { requests: latencies.length, others, latencies: Float64Array.from(latencies).sort() }
}

/** The value below which this part of the ascending values lies. */
export function quantile(values: Float64Array, part: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * part))]!
}
