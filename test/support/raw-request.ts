import { connect } from 'node:net'

/**
 * Writes text to a port as it is, and resolves with everything that comes back until the server ends the connection.
 * For requests that no HTTP client sends.
 */
export function rawRequest(port: number, ...chunks: string[]): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', data => {
      answer += data
    })
    // A server may reset the connection while we still write; what it sent before is the answer.
    socket.on('error', () => resolve(answer))
    socket.on('close', () => resolve(answer))
    for (const chunk of chunks) socket.write(chunk, 'latin1')
  })
}

/** Makes an app listen on 127.0.0.1, and returns the port that the system chose. */
export async function listen(app: {
  listen: (options: { host: string; port: number }) => Promise<string>
}): Promise<number> {
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
}

/** The status, the head in lower case and the JSON body of the first answer in what `rawRequest` returned. */
export function parseAnswer(raw: string): { status: number; body: Record<string, unknown>; head: string } {
  const [head = '', rest = ''] = raw.split('\r\n\r\n', 2)
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body: rest === '' ? {} : JSON.parse(rest) }
}
