import { join } from 'node:path'
import type { ServerUser } from './server-user.js'

/** Where one Postgres lives: its programs, its data, and whom it runs as. */
export interface Cluster {
  /** Holds the data and the password, and is closed to everybody else; it appears as a whole when both are complete. */
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

export const dataFolder = ({ folder }: Pick<Cluster, 'folder'>) => join(folder, 'data')
export const passwordFile = ({ folder }: Pick<Cluster, 'folder'>) => join(folder, 'password')

/** The descriptor by which both programs are given their data folder, open. */
const DATA_DESCRIPTOR = 3

/**
 * What the programs are told of where the data is. A user of its own has no way to it by its path, as every folder above
 * may be closed, and `folder` always is. It gets there by the open folder alone that root hands it.
 */
export const dataPath = (cluster: Cluster) =>
  cluster.user === undefined ? dataFolder(cluster) : `/proc/self/fd/${DATA_DESCRIPTOR}`

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
