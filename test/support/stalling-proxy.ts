import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

/** `request`: it waits before it reaches the service. `answer`: it waits before it reaches the browser. */
export interface Stall {
  of: 'request' | 'answer'
  ms: number
}

/** A refresh as the proxy saw it. Instants are milliseconds since the proxy started. */
export interface PassedRefresh {
  sentAt: number
  answeredAt: number
  arrivedAt: number
  stall: Stall | undefined
  /** The page that sent it, from the header `Referer`. */
  page: string
  /** The slots that the browser sent, each as generation and mark. */
  shown: readonly string[]
  hasTicket: boolean
  status: number
  /** The code of an error. */
  code: string | undefined
  /** The slot that the answer sets. */
  given: string | undefined
  /** The newest generation that the service had given out when the request was sent, and when the answer arrived. */
  newest: readonly [whenSent: number, whenArrived: number]
}

export interface StallingProxy {
  port: number
  /** In the order in which the answers reached the browser. */
  passed: readonly PassedRefresh[]
  /** From now on no further request is stalled. */
  calm(): void
}

/**
 * A proxy between browsers and the service that stalls refreshes: each one waits as `stall` says, without delaying
 * others. All other requests pass at once. It ends with the test.
 */
export async function startStallingProxy(
  t: Test,
  target: number,
  stall: () => Stall | undefined,
): Promise<StallingProxy> {
  const agent = new Agent({ keepAlive: true })
  const passed: PassedRefresh[] = []
  const startedAt = Date.now()
  const now = () => Date.now() - startedAt
  let newest = 0
  let isCalm = false

  async function passRefresh(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const stalled = isCalm ? undefined : stall()
    const [sentAt, newestWhenSent] = [now(), newest]
    if (stalled?.of === 'request') await sleep(stalled.ms)
    const { answer, body } = await ask(incoming)
    const given = slotsOf(answer.headers['set-cookie'] ?? []).at(0)
    if (given) newest = Math.max(newest, Number.parseInt(given, 10))
    const answeredAt = now()
    if (stalled?.of === 'answer') await sleep(stalled.ms)
    outgoing.writeHead(answer.statusCode!, answer.headers).end(body)
    passed.push({
      sentAt,
      answeredAt,
      arrivedAt: now(),
      stall: stalled,
      page: incoming.headers.referer ?? '',
      shown: slotsOf((incoming.headers.cookie ?? '').split('; ')),
      hasTicket: /-ticket=/.test(incoming.headers.cookie ?? ''),
      status: answer.statusCode!,
      code: answer.statusCode === 200 ? undefined : JSON.parse(body.toString()).code,
      given,
      newest: [newestWhenSent, newest],
    })
  }

  async function ask(incoming: IncomingMessage): Promise<{ answer: IncomingMessage; body: Buffer }> {
    const { method, url, headers } = incoming
    const sent = request({ host: '127.0.0.1', port: target, method, path: url, headers, agent })
    incoming.pipe(sent)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return { answer, body: Buffer.concat(await answer.toArray()) }
  }

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (incoming.url === '/auth/refresh') return passRefresh(incoming, outgoing)
    const { answer, body } = await ask(incoming)
    outgoing.writeHead(answer.statusCode!, answer.headers).end(body)
  }

  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
    agent.destroy()
  })
  return {
    port: (server.address() as AddressInfo).port,
    passed,
    calm() {
      isCalm = true
    },
  }
}

/** The generation and the mark of each refresh token in slot cookies that are sent or set, as `12:aB3_x9`. */
function slotsOf(cookies: readonly string[]): string[] {
  return cookies.flatMap(cookie => {
    const [, token, mark] = /^[\w-]+-[0-9a-f]{3}=lk_rt_([\w-]+)\.([\w-]{6})/.exec(cookie) ?? []
    return token === undefined ? [] : [`${Buffer.from(token, 'base64url').readUInt32BE(18)}:${mark}`]
  })
}
