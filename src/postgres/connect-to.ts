import { Socket } from 'node:net'
import { setDeadline } from '../lib/set-deadline.js'

/** As much of postgres.js' options as connecting takes. */
export interface Address {
  host: string[]
  port: number[]
  /** Of a Unix socket, instead of the two. */
  path: string | false
}

/**
 * Begins to connect, to one host after the other. What is written meanwhile is sent when the connection is there. A
 * server that says nothing in this time is given up.
 */
export function connectTo({ host, port, path }: Address, attempt: number, patienceMs: number): Socket {
  const socket = new Socket()
  setDeadline(patienceMs, () => {
    if (socket.bytesRead > 0 || socket.destroyed) return
    socket.destroy(Object.assign(new Error('Postgres said nothing in time'), { code: 'CONNECT_TIMEOUT' }))
  }).unref()
  const place = { host: host[attempt % host.length]!, port: port[attempt % port.length]! }
  // What ends in the middle of a handshake postgres.js would begin again at once, without a pause and without end.
  socket.once('end', () => {
    socket.destroy(Object.assign(new Error('Postgres closed the connection'), { code: 'CONNECTION_CLOSED' }))
  })
  if (path !== false) return socket.connect(path)
  // postgres.js names the server by these in its errors and to TLS.
  return Object.assign(socket.connect(place), place)
}
