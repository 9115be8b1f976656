/** An item that waits for its batch. */
interface Waiting<Item, Result> {
  item: Item
  resolve(result: Result | Promise<Result>): void
  reject(error: unknown): void
}

/** One that is not there yet can still fail alone. */
type Results<Result> = readonly (Result | Promise<Result>)[]

export interface TickBatchesOptions<Item, Result> {
  /** Returns a result for each item, in their order. All items have different keys. */
  work(items: readonly Item[]): Results<Result> | Promise<Results<Result>>
  keyOf(item: Item): string
  maxItems: number
}

/**
 * Does the same work together for all items that arrive in one turn of the event loop. No item waits for another turn, and
 * a batch does not wait for the one before: alone, an item is a batch at once; under load, the batches grow.
 *
 * @returns adds an item, and resolves with its result; rejects if its batch fails
 */
export function createTickBatches<Item, Result>(options: TickBatchesOptions<Item, Result>) {
  const { work, keyOf, maxItems } = options
  let waiting: Waiting<Item, Result>[] = []

  function sendAll(): void {
    let rest = waiting
    waiting = []
    while (rest.length > 0) {
      const batch = new Map<string, Waiting<Item, Result>>()
      const later: Waiting<Item, Result>[] = []
      for (const next of rest) {
        const key = keyOf(next.item)
        if (batch.size < maxItems && !batch.has(key)) batch.set(key, next)
        else later.push(next)
      }
      void send([...batch.values()])
      rest = later
    }
  }

  async function send(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await work(batch.map(({ item }) => item))
      for (const [place, { resolve }] of batch.entries()) resolve(results[place]!)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  return (item: Item): Promise<Result> =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(sendAll)
      waiting.push({ item, resolve, reject })
    })
}
