/**
 * Tells the benchmark that this server is ready, and opens sessions for it. They are opened in the server, because signing in
 * would take as long as hashing a password.
 *
 * @param open - by name, what the benchmark can ask for: `(count) => list`
 */
export function offer(open) {
  process.on('message', async ({ name, count }) => {
    try {
      process.send({ opened: await open[name](count) })
    } catch (error) {
      process.send({ error: error.stack })
    }
  })
  process.on('disconnect', () => process.exit())
  process.send({ ready: true })
}

/** Does the work for each item, a few at a time. */
export async function mapInParts(items, work, atOnce = 20) {
  const results = []
  for (let from = 0; from < items.length; from += atOnce)
    results.push(...(await Promise.all(items.slice(from, from + atOnce).map(work))))
  return results
}

export const range = count => Array.from({ length: count }, (_, at) => at)
