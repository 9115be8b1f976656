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
  /** How long an item waits for others. By default until the end of this turn of the event loop. */
  waitMs?: number
}

export interface TickBatches<Item, Result> {
  /** Adds an item, and resolves with its result; rejects if its batch fails. */
  (item: Item): Promise<Result>
  /** Starts with what waits at once. */
  flush(): void
}

/**
 * Does the same work together for all items that arrive in one turn of the event loop, or in a short time. A batch does not
 * wait for the one before: alone, an item is a batch at once; under load, the batches grow.
 */
export function createTickBatches<Item, Result>(options: TickBatchesOptions<Item, Result>): TickBatches<Item, Result> {
  const { work, keyOf, maxItems, waitMs } = options
  let waiting: Waiting<Item, Result>[] = []
  let timer: NodeJS.Timeout | undefined

  function schedule(): void {
    if (waitMs === undefined) setImmediate(sendAll)
    else timer = setTimeout(sendAll, waitMs)
  }

  function sendAll(): void {
    clearTimeout(timer)
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

  const add = (item: Item) =>
    new Promise<Result>((resolve, reject) => {
      if (waiting.length === 0) schedule()
      waiting.push({ item, resolve, reject })
      if (waitMs !== undefined && waiting.length === maxItems) sendAll()
    })
  return Object.assign(add, { flush: sendAll })
}
