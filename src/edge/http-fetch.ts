import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Readable } from 'node:stream'

/**
 * The part of `fetch` that the verifier uses: texts are sent, redirects are not followed, and the answer has a status,
 * headers and a stream. Node's own `fetch` takes 13 MB of memory, a fifth of what the edge takes without it.
 */
export const httpFetch = ((address: string, options?: RequestInit) =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers, body, signal } = options ?? {}
    const send = address.startsWith('https:') ? requestHttps : requestHttp
    const request = send(
      address,
      { method, headers: { ...(headers as Record<string, string>) }, ...(signal && { signal }) },
      response =>
        resolve({
          status: response.statusCode,
          headers: { get: (name: string) => response.headers[name.toLowerCase()] ?? null },
          body: Readable.toWeb(response),
        } as unknown as Response),
    )
    request.on('error', reject)
    request.end(body)
  })) as typeof fetch
