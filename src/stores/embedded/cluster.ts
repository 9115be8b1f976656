import { join } from 'node:path'
import type { ServerUser } from './server-user.js'

/** Where one Postgres lives: its programs, its data, and whom it runs as. */
export interface Cluster {
  /** Holds the data and the password; it appears as a whole when both are complete. */
  folder: string
  /** Holds `initdb` and `postgres`. */
  binFolder: string
  /** Undefined runs it as ourselves. */
  user: ServerUser | undefined
  /** Where the programs find libraries that they do not find by themselves. */
  libraryPath?: string
}

/** The one role and the one database. */
export const ROLE = 'latchkey'

export const dataFolder = (cluster: Cluster) => join(cluster.folder, 'data')
export const passwordFile = (cluster: Cluster) => join(cluster.folder, 'password')

/** How both programs are spawned: as their user, and blind to PG* variables and secrets in our environment. */
export function spawnOptions(cluster: Cluster) {
  return {
    cwd: '/',
    env: {
      LC_ALL: 'C',
      PATH: '/usr/bin:/bin',
      ...(cluster.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: cluster.libraryPath }),
    },
    ...cluster.user,
  }
}
