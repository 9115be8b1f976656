import { Socket } from 'node:net'
import type { Place } from '../../config/store-url.js'
import { setDeadline } from '../../lib/set-deadline.js'
import { socketErrors } from '../errors.js'

/** The options of postgres.js that are needed to connect. */
export interface Address {
  host: string[]
  port: number[]
  /** The path of a Unix socket, used instead of host and port. */
  path: string | false
}

/**
 * Starts to connect. Data that is written meanwhile is sent when the connection is open. If the server sends nothing
 * within the time limit, the socket is closed.
 */
export function connectTo(to: Address | Place, timeoutMs: number): Socket {
  const socket = new Socket()
  setDeadline(timeoutMs, () => {
    if (socket.bytesRead > 0 || socket.destroyed) return
    socket.destroy(socketErrors.timeout())
  }).unref()
  // After a handshake that the server ends, postgres.js would try again at once, without a pause and without a limit.
  socket.once('end', () => {
    socket.destroy(socketErrors.closed())
  })
  if ('path' in to && to.path !== false) return socket.connect(to.path)
  const place = 'path' in to ? { host: to.host[0]!, port: to.port[0]! } : { host: to.host, port: to.port }
  // postgres.js uses these in its errors and for TLS.
  return Object.assign(socket.connect(place), place)
}
