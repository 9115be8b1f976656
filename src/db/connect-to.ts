import { Socket } from 'node:net'

/** As much of postgres.js' options as connecting takes. */
export interface Address {
  host: string[]
  port: number[]
  /** Of a Unix socket, instead of the two. */
  path: string | false
}

/** Begins to connect, to one host after the other. What is written meanwhile is sent when the connection is there. */
export function connectTo({ host, port, path }: Address, attempt: number): Socket {
  const socket = new Socket()
  const place = { host: host[attempt % host.length]!, port: port[attempt % port.length]! }
  // What ends in the middle of a handshake postgres.js would begin again at once, without a pause and without end.
  socket.once('end', () => {
    socket.destroy(Object.assign(new Error('Postgres closed the connection'), { code: 'CONNECTION_CLOSED' }))
  })
  if (path !== false) return socket.connect(path)
  // postgres.js names the server by these in its errors and to TLS.
  return Object.assign(socket.connect(place), place)
}
