import { createVerifier } from '@latchkey/verifier'
import type { ListSize } from './lists.js'

// Follows the feed until the list is complete, for lists.ts.

const startedAt = performance.now()
const cpuBefore = process.cpuUsage()
const verifier = createVerifier({ issuer: process.env.ISSUER!, client: JSON.parse(process.env.CLIENT!) })
await verifier.ready({ timeoutMs: 120_000 })
const readyMs = performance.now() - startedAt
const { user, system } = process.cpuUsage(cpuBefore)
// What is left of the snapshot is collected, as in a process that runs for longer.
for (let times = 0; times < 3; times++) {
  await new Promise(resolve => setTimeout(resolve, 1000))
  globalThis.gc?.()
}
const { heapUsed, rss } = process.memoryUsage()
const size: ListSize = {
  readyMs,
  cpuMs: (user + system) / 1000,
  heapBytes: heapUsed,
  rssBytes: rss,
  maxRssBytes: process.resourceUsage().maxRSS * 1024,
}
process.send!(size)
await verifier.close()
process.disconnect()
