/** Looking at two old entries for each one written, the dead ones go faster than new ones come. */
const LOOKS_PER_WRITE = 2

/** Numbers under names, each kept until an instant (ms since the epoch). */
export interface ExpiringNumbers {
  /** Sets a number and its end, but lowers neither. */
  raise(name: string, value: number, endsAt: number): void
  get(name: string): number | undefined
  /** How many are held, dead ones that are not cleared away yet included. */
  readonly size: number
  clear(): void
}

export function createExpiringNumbers(now: () => number): ExpiringNumbers {
  const entries = new Map<string, { value: number; endsAt: number }>()
  let cursor = entries.entries()

  /** Goes round and round, a few steps at a time. A Map's iterator survives changes of the Map. */
  function sweep(at: number): void {
    for (let looks = 0; looks < LOOKS_PER_WRITE; looks++) {
      const next = cursor.next()
      if (next.done) {
        cursor = entries.entries()
        return
      }
      const [name, entry] = next.value
      if (at >= entry.endsAt) entries.delete(name)
    }
  }

  return {
    raise(name, value, endsAt) {
      const at = now()
      sweep(at)
      if (at >= endsAt) return
      const held = entries.get(name)
      const alive = held !== undefined && at < held.endsAt
      entries.set(
        name,
        alive ? { value: Math.max(held.value, value), endsAt: Math.max(held.endsAt, endsAt) } : { value, endsAt },
      )
    },
    get(name) {
      const entry = entries.get(name)
      return entry !== undefined && now() < entry.endsAt ? entry.value : undefined
    },
    get size() {
      return entries.size
    },
    clear: () => entries.clear(),
  }
}
