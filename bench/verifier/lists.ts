import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Issuer } from './issuer.js'

export interface ListSize {
  readyMs: number
  cpuMs: number
  heapBytes: number
  rssBytes: number
  maxRssBytes: number
}

/** Time and memory of a process that does nothing but follow a feed with so many revocations. */
export async function measureLists(issuer: Issuer, sizes: readonly number[]): Promise<string[][]> {
  const rows: string[][] = []
  let empty: ListSize | undefined
  for (const size of sizes) {
    issuer.prepare(size)
    const env = { ...process.env, ISSUER: issuer.url, CLIENT: JSON.stringify(issuer.client) }
    const follower = fork('.test-build/bench/verifier/follower.js', { env, execArgv: ['--expose-gc'] })
    const [measured] = (await once(follower, 'message')) as [ListSize]
    await once(follower, 'exit')
    empty ??= measured
    rows.push([
      size.toLocaleString('en'),
      measured.readyMs.toFixed(0),
      measured.cpuMs.toFixed(0),
      megabytes(measured.heapBytes),
      megabytes(measured.heapBytes - empty.heapBytes),
      megabytes(measured.rssBytes),
      megabytes(measured.maxRssBytes),
    ])
  }
  return rows
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
