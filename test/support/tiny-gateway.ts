import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { listen } from './raw-request.js'

const PROBE_INTERVAL_MS = 50

/**
 * A gateway in front of several instances, no kinder than real ones: it takes turns among those whose /readyz answers
 * 200, keeps its connections to them open, and goes to another instance if one refuses the connection, but never sends
 * a request twice.
 *
 * @returns its address
 */
export async function startGateway(t: Test, instances: readonly string[]): Promise<string> {
  const agent = new Agent({ keepAlive: true })
  const ready = new Set(instances)
  let turn = 0

  const forward = (incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse, tried: number): void => {
    const choice = [...ready]
    const instance = choice[turn++ % choice.length]
    if (instance === undefined) {
      outgoing.writeHead(503).end('no instance is ready')
      return
    }
    const { method, headers, url } = incoming
    let isSent = false
    const upstream = request(new URL(url!, instance), { method: method!, headers, agent }, answer => {
      const { connection, 'keep-alive': keepAlive, ...passed } = answer.headers
      outgoing.writeHead(answer.statusCode!, passed)
      answer.pipe(outgoing)
    })
    upstream.on('socket', socket => {
      const onConnected = () => {
        isSent = true
      }
      if (socket.connecting) socket.once('connect', onConnected)
      else onConnected()
    })
    upstream.on('error', error => {
      if (!isSent && tried < instances.length) forward(incoming, body, outgoing, tried + 1)
      else outgoing.writeHead(502).end(`${instance}: ${error.message}`)
    })
    upstream.end(body)
  }

  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    forward(incoming, Buffer.concat(chunks), outgoing, 0)
  })
  const prober = setInterval(() => {
    for (const instance of instances) {
      void isReady(instance).then(yes => (yes ? ready.add(instance) : ready.delete(instance)))
    }
  }, PROBE_INTERVAL_MS)

  const port = await listen({
    listen: ({ host, port }) =>
      new Promise(resolve => {
        server.listen(port, host, () => resolve(`http://${host}:${(server.address() as { port: number }).port}`))
      }),
  })
  t.teardown(() => {
    clearInterval(prober)
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${port}`
}

function isReady(instance: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = request(`${instance}/readyz`, { agent: false }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    probe.on('error', () => resolve(false))
    probe.end()
  })
}
