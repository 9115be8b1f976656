import { WebSocket } from 'ws'

/** Opens a WebSocket, sends a message and returns both answers; or the status of the refusal. */
export function overWebSocket(url: string, headers: Record<string, string>): Promise<string[] | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http', 'ws'), { headers })
    const received: string[] = []
    socket.on('open', () => socket.send('hello'))
    socket.on('message', message => {
      received.push(message.toString())
      if (received.length === 2) socket.close()
    })
    socket.on('close', () => resolve(received))
    socket.on('unexpected-response', (_, response) => {
      response.resume()
      resolve(response.statusCode!)
      socket.terminate()
    })
    socket.on('error', reject)
  })
}
