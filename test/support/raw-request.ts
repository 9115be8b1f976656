import { connect } from 'node:net'

/**
 * Writes bytes to a port as they are and resolves with all that comes back until the other side ends the connection.
 * For requests that no HTTP client would send.
 */
export function rawRequest(port: number, ...chunks: string[]): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', data => {
      answer += data
    })
    // A server that cuts us off while we still write is an answer too.
    socket.on('error', () => resolve(answer))
    socket.on('close', () => resolve(answer))
    for (const chunk of chunks) socket.write(chunk, 'latin1')
  })
}

/** The port that an app listens on, on loopback, chosen by the system. */
export async function listen(app: {
  listen: (options: { host: string; port: number }) => Promise<string>
}): Promise<number> {
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
}

/** The status and the JSON body of the first answer in a raw stream. */
export function parseAnswer(raw: string): { status: number; body: Record<string, unknown>; head: string } {
  const [head = '', rest = ''] = raw.split('\r\n\r\n', 2)
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body: rest === '' ? {} : JSON.parse(rest) }
}
