import { connect } from 'node:net'

/** Whether a server listens on a port of 127.0.0.1. */
export function takesConnections(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const settle = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
