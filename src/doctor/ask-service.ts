import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { TLSSocket } from 'node:tls'

/** An answer, with what `fetch` hides: every Set-Cookie, and the certificate. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  setCookies: readonly string[]
  body: string
  /** When the certificate of the server ends; undefined without TLS. */
  certificateEnds: Date | undefined
  /** The port of this end of the connection. */
  localPort: number
}

const TIMEOUT_MS = 5_000
const MAX_BYTES = 256 * 1024

/**
 * Sends a request to the running service.
 *
 * @throws if there is no answer within five seconds
 */
export async function ask(
  address: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const send = address.startsWith('https:') ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    // A connection for each request, so that a gateway spreads them over its instances.
    const request = send(address, { method, headers, signal, agent: false }, response => {
      const localPort = response.socket.localPort ?? 0
      const certificate = (response.socket as Partial<TLSSocket>).getPeerCertificate?.()
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size <= MAX_BYTES) chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [name, value?.toString()]),
          ),
          setCookies: response.headers['set-cookie'] ?? [],
          body: Buffer.concat(chunks).toString(),
          certificateEnds: certificate?.valid_to ? new Date(certificate.valid_to) : undefined,
          localPort,
        }),
      )
    })
    request.on('error', error => reject(signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : error))
    request.end(body)
  })
}

/** The body as JSON; undefined if it is something else, such as the page of a gateway. */
export function readJson(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
