/** So many commands are on their way at a time at most; a whole journal may be copied at once. */
const BATCH_SIZE = 1000

/** Sends something for each item, many at a time but never all of a million. */
export async function inBatches<T>(items: readonly T[], send: (item: T) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < items.length; start += BATCH_SIZE) {
    await Promise.all(items.slice(start, start + BATCH_SIZE).map(send))
  }
}
