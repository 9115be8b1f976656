import type { Socket } from 'node:net'
import { Command, Redis } from 'ioredis'
import { setDeadline } from '../set-deadline.js'

interface PatientCommand {
  isSettled: boolean
  reject(error: Error): void
  _commandTimeoutTimer?: NodeJS.Timeout
}

interface PatientRedis {
  options: { socketTimeout: number }
  stream: Socket
  commandQueue: { length: number }
  socketTimeoutTimer: NodeJS.Timeout | undefined
  setSocketTimeout(): void
}

/**
 * Makes the time limits of ioredis those of {@link setDeadline}. ioredis has no option for this, and its cluster makes
 * clients of its own, so the two methods that set the timers are replaced for all of them.
 */
export function useDeadlines(): void {
  Object.assign(Command.prototype, {
    setTimeout(this: PatientCommand, ms: number) {
      this._commandTimeoutTimer ??= setDeadline(ms, () => {
        if (!this.isSettled) this.reject(new Error('Command timed out'))
      })
    },
  })
  Object.assign(Redis.prototype, {
    setSocketTimeout(this: PatientRedis) {
      const { stream } = this
      const read = stream.bytesRead
      this.socketTimeoutTimer = setDeadline(this.options.socketTimeout, () => {
        this.socketTimeoutTimer = undefined
        if (stream.bytesRead === read) stream.destroy(new Error('Redis did not answer in time'))
      })
      stream.once('data', () => {
        clearTimeout(this.socketTimeoutTimer)
        this.socketTimeoutTimer = undefined
        if (this.commandQueue.length > 0) this.setSocketTimeout()
      })
    },
  })
}
