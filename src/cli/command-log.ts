import type { Log } from '../lib/log.js'

/** The log of a command: what a person should know goes to stderr as it is, and stdout is for the result alone. */
export const commandLog: Log = {
  info() {},
  warn: message => console.error(message),
  error: message => console.error(message),
}
