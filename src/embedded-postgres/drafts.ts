import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Makes an empty folder beside the place of a cluster, closed to everybody else, to be renamed into that place when it
 * is complete. Drafts of processes that were killed go.
 */
export async function makeDraft(folder: string): Promise<string> {
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.new-`)) continue
    // The initdb of a process killed a moment ago may still be writing there.
    await rm(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  return mkdtemp(`${folder}.new-`)
}
