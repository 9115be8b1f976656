import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Issuer } from './issuer.js'
import { median } from './table.js'

const PROGRAM = 'bench/verifier/fastify-service'
const SOCKETS = 16
const REQUESTS = 20_000
const ROUNDS = 9
const TOKENS = 5000
const ROUTES = {
  '/bare': 'the bare route',
  '/guarded': 'with `authenticate`',
  '/editors': "with `requireRole('editor')`",
}

/**
 * The cost of a request, as CPU time of the process that serves it. The rate that a client measures would depend on
 * what else the machine does.
 */
export async function measureRequests(issuer: Issuer): Promise<{ name: string; microseconds: number }[]> {
  const env = { ...process.env, ISSUER: issuer.url, CLIENT: JSON.stringify(issuer.client) }
  const service = fork(`.test-build/${PROGRAM}.js`, { env })
  const [port] = (await once(service, 'message')) as [number]
  const used = async () => {
    service.send('cpu')
    return ((await once(service, 'message')) as [number])[0]
  }
  const tokens = issuer.tokens(TOKENS)
  const costs = new Map<string, number[]>()
  for (let round = -1; round < ROUNDS; round++)
    for (const path of Object.keys(ROUTES)) {
      const before = await used()
      await Promise.all(Array.from({ length: SOCKETS }, (_, at) => send(port, path, tokens, at)))
      // The first round makes the tokens known and the code fast.
      if (round >= 0) costs.set(path, [...(costs.get(path) ?? []), ((await used()) - before) / REQUESTS])
    }
  service.send('close')
  await once(service, 'exit')
  return Object.entries(ROUTES).map(([path, name]) => ({ name, microseconds: median(costs.get(path)!) }))
}

/** Sends one request after another over one connection. Every route gets the same headers. */
async function send(port: number, path: string, tokens: readonly string[], first: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
  let answer = ''
  for (let sent = first; sent < REQUESTS; sent += SOCKETS) {
    const token = tokens[(sent * 3571) % TOKENS]
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`)
    while (!answer.endsWith('{"ok":true}')) answer += (await once(socket, 'data'))[0]
    if (!answer.startsWith('HTTP/1.1 200')) throw new Error(answer)
    answer = ''
  }
  socket.destroy()
}
