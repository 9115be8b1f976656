/** How long, and how often, everything is measured. */
export interface Form {
  name: 'short' | 'full'
  /** How often all processes are started anew. */
  starts: number
  /** How often each operation of each system is measured after a start, in turn with the others of its table. */
  rounds: number
  warmUpSeconds: number
  seconds: number
  pauseMs: number
  /** Whether each operation is also measured at a fixed rate. */
  openLoop: boolean
}

export const SHORT: Form = {
  name: 'short',
  starts: 2,
  rounds: 1,
  warmUpSeconds: 1,
  seconds: 1.5,
  pauseMs: 100,
  openLoop: true,
}

export const FULL: Form = {
  name: 'full',
  starts: 5,
  rounds: 2,
  warmUpSeconds: 2,
  seconds: 5,
  pauseMs: 1000,
  openLoop: true,
}
