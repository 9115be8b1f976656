import { RequestFailure, reasonOf } from './request-failure.js'

/** What a request needs from the options of the verifier. */
export interface Transport {
  fetch: typeof fetch
  /** Where Latchkey is reached from here, without a slash at the end. */
  baseUrl: string
}

export interface RequestOptions {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
  /** Ends the request and the reading of its answer. It belongs to this one request. */
  controller: AbortController
  timeoutMs: number
}

/**
 * Sends a request and reads its answer as JSON, all within the time limit. The content type is checked first: the page
 * of a proxy, or of another service, gives a clear error.
 *
 * @throws RequestFailure
 */
export async function requestJson(
  transport: Transport,
  path: string,
  options: RequestOptions & { maxBytes: number },
): Promise<{ value: unknown; headers: Headers }> {
  return within(options, path, transport, async what => {
    const response = await send(transport, path, options, what)
    requireContentType(response, /^application\/([a-z.+-]+\+)?json$/, 'JSON', what)
    const text = await readText(response, options.maxBytes, what)
    try {
      return { value: JSON.parse(text) as unknown, headers: response.headers }
    } catch {
      throw new RequestFailure('content', `${what}: the answer is not valid JSON`)
    }
  })
}

/**
 * Sends a request whose answer has no content that matters.
 *
 * @throws RequestFailure
 */
export async function requestNothing(transport: Transport, path: string, options: RequestOptions): Promise<void> {
  return within(options, path, transport, async what => discard(await send(transport, path, options, what)))
}

/**
 * Sends a request and returns its answer when the headers have arrived, which the time limit covers. The caller reads
 * the body with `chunksOf`.
 *
 * @throws RequestFailure
 */
export async function openStream(
  transport: Transport,
  path: string,
  options: RequestOptions & { contentType: string },
): Promise<Response> {
  return within(options, path, transport, async what => {
    const response = await send(transport, path, options, what)
    requireContentType(response, new RegExp(`^${options.contentType}$`), options.contentType, what)
    return response
  })
}

/** Yields the body in the parts in which it arrives. Leaving the loop closes the connection. */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader()
  if (!reader) return
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Runs the work under the time limit. Every error becomes a `RequestFailure`, and what is left open is closed. */
async function within<Result>(
  { controller, timeoutMs, method = 'GET' }: RequestOptions,
  path: string,
  { baseUrl }: Transport,
  work: (what: string) => Promise<Result>,
): Promise<Result> {
  const what = `${method} ${baseUrl}${path.split('?', 1)[0]}`
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    controller.abort()
  }, timeoutMs).unref()
  try {
    return await work(what)
  } catch (error) {
    const failure = isLate
      ? new RequestFailure('timeout', `${what} was not answered within ${timeoutMs / 1000} s`)
      : error instanceof RequestFailure
        ? error
        : new RequestFailure('unreachable', `${what} failed: ${reasonOf(error)}`)
    controller.abort()
    throw failure
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Redirects are not followed: a request can carry the token or the secret of the client, which must not reach another
 * address.
 */
async function send(
  { fetch, baseUrl }: Transport,
  path: string,
  { method = 'GET', headers, body, controller }: RequestOptions,
  what: string,
): Promise<Response> {
  const response = await fetch(baseUrl + path, {
    method,
    redirect: 'manual',
    signal: controller.signal,
    ...(headers && { headers }),
    ...(body !== undefined && { body }),
  })
  const { status } = response
  if (status >= 200 && status < 300) return response
  // In some environments, the answer to a redirect is only visible as status 0.
  if (status < 400)
    throw new RequestFailure('redirect', `${what} was answered with a redirect, which is not followed`, { status })
  const code = errorCodeOf(await readText(response, MAX_ERROR_BYTES, what).catch(() => ''))
  const retryAfter = response.headers.get('retry-after') ?? ''
  throw new RequestFailure('refused', `${what} was answered with ${status}${code ? ` ${code}` : ''}`, {
    status,
    code,
    retryAfterSeconds: /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined,
  })
}

const MAX_ERROR_BYTES = 16 * 1024

/** `code` in problem details (RFC 9457), `error` in answers of OAuth (RFC 6749, 5.2). */
function errorCodeOf(body: string): string | undefined {
  try {
    const { code, error } = JSON.parse(body) as { code?: unknown; error?: unknown }
    const found = code ?? error
    return typeof found === 'string' && /^[a-z_]{1,60}$/.test(found) ? found : undefined
  } catch {
    return undefined
  }
}

async function readText(response: Response, maxBytes: number, what: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(response)) {
    size += chunk.byteLength
    if (size > maxBytes) throw new RequestFailure('content', `${what}: the answer is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function requireContentType(response: Response, allowed: RegExp, wanted: string, what: string): void {
  const type = (response.headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (allowed.test(type)) return
  const found = /^[\w.+/-]{1,60}$/.test(type) ? type : 'without a known type'
  throw new RequestFailure('content', `${what}: the answer is ${found}, not ${wanted}`)
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {})
}
