import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Log } from '../lib/log.js'
import type { Metrics } from './metrics.js'

export interface MetricsServer {
  close(): Promise<void>
}

/** More than any monitoring uses. */
const MAX_CONNECTIONS = 20
const SCRAPE_TIMEOUT_MS = 10_000

/**
 * Serves GET /metrics on a port of its own. Nothing that happens here reaches the service: a failed scrape is answered
 * 500, and a connection that is too slow is closed.
 *
 * @throws the error of `listen`
 */
export async function serveMetrics(
  metrics: Metrics,
  { host, port, log }: { host: string; port: number; log: Log },
): Promise<MetricsServer> {
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      answer(metrics, request, response).catch((error: unknown) => {
        log.error(`Could not collect the metrics: ${error instanceof Error ? error.message : 'unknown error'}`)
        if (response.headersSent) response.destroy()
        else response.writeHead(500).end()
      })
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(SCRAPE_TIMEOUT_MS)
  server.listen({ host, port })
  await once(server, 'listening')
  server.on('error', (error: Error) => log.error(`The server of the metrics has a problem: ${error.message}`))
  // The sockets of the service keep the process running, and these must not keep it from ending.
  server.unref()
  return {
    async close() {
      server.close()
      server.closeAllConnections()
      metrics.close()
    },
  }
}

async function answer(metrics: Metrics, { url, method }: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path] = (url ?? '').split('?', 1)
  if (path !== '/metrics') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found. The metrics are at /metrics.\n')
    return
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
    return
  }
  const text = await metrics.render()
  response.writeHead(200, { 'content-type': metrics.contentType, 'content-length': Buffer.byteLength(text) })
  response.end(method === 'HEAD' ? undefined : text)
}
