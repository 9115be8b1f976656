/** Does the same work for many items at once, one batch at a time. */
export interface Batches<Item, Result> {
  /** Adds an item to the next batch. Rejects if its batch fails. */
  add(item: Item): Promise<Result>
  /** Resolves when no item waits and no batch is in progress. */
  settled(): Promise<void>
}

export interface BatchesOptions<Item, Result> {
  /** Returns a result for each item, in their order. */
  work(items: readonly Item[]): Promise<readonly Result[]>
  /** Of two items with the same key, the second waits for a later batch. */
  keyOf(item: Item): string
  /** How long the first item of a batch waits for others. */
  delayMs: number
  maxItems: number
}

interface Waiting<Item, Result> {
  item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

export function createBatches<Item, Result>(options: BatchesOptions<Item, Result>): Batches<Item, Result> {
  let waiting: Waiting<Item, Result>[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, options.delayMs))
    while (waiting.length > 0) await runBatch(takeBatch())
    running = undefined
  }

  function takeBatch(): Waiting<Item, Result>[] {
    const keys = new Set<string>()
    const batch: Waiting<Item, Result>[] = []
    const later: Waiting<Item, Result>[] = []
    for (const next of waiting) {
      const key = options.keyOf(next.item)
      if (batch.length < options.maxItems && !keys.has(key)) batch.push(next)
      else later.push(next)
      keys.add(key)
    }
    waiting = later
    return batch
  }

  async function runBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await options.work(batch.map(({ item }) => item))
      for (const [place, { resolve }] of batch.entries()) resolve(results[place]!)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  return {
    add: item =>
      new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        running ??= run()
      }),
    async settled() {
      while (running) await running
    },
  }
}
