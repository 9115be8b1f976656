import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'

export interface Answer {
  status: number
  body: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

export function send(url: string, method: string, headers: Record<string, string>, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', part => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode!, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Does the work again and again in some chains for some seconds. Returns how often a second it was done. */
export async function rateOf(
  work: (chain: number) => Promise<unknown>,
  seconds: number,
  chains: number,
): Promise<number> {
  const begunAt = performance.now()
  let done = 0
  await Promise.all(
    Array.from({ length: chains }, async (_, chain) => {
      while (performance.now() - begunAt < seconds * 1000) {
        await work(chain)
        done++
      }
    }),
  )
  return done / ((performance.now() - begunAt) / 1000)
}

/** What a process has used of the processor so far, in milliseconds, and its memory now, in MB. */
export function usage(pid: number): { cpuMs: number; rssMb: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const rssPages = Number(fields[21])
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, rssMb: (rssPages * 4096) / 1e6 }
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!
}
