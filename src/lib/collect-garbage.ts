import { Session } from 'node:inspector/promises'

/** Fewer objects than this leave only a few MB. */
const MANY = 20_000

/**
 * Frees the memory of very many objects that were needed for a moment, such as the entries of a journal that was read. V8
 * has no other function for this without a flag; by itself it frees them only when as many more have been created, which can
 * take an hour on a quiet instance. The process stops for some 50 ms, as it would later.
 *
 * @param count - how many objects there were; it does nothing for a few
 */
export async function collectGarbageOf(count: number): Promise<void> {
  if (count < MANY) return
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.collectGarbage')
  session.disconnect()
}
