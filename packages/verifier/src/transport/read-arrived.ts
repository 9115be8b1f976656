import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Resolves when everything that has arrived at this process is read.
 *
 * @param countReads - how often something was read so far
 */
export async function readArrived(countReads: () => number): Promise<void> {
  for (let before = Number.NaN; before !== countReads(); ) {
    before = countReads()
    // The present turn of the loop may have begun long ago. The second one reads in any case.
    await nextTurn()
    await nextTurn()
  }
}
