import { chunksOf } from '../transport/request.js'
import { isOwnSetCookie } from './own-cookies.js'

export interface RefreshRequest {
  baseUrl: string
  /** The name of the refresh cookie. */
  refreshCookie: string
  timeoutMs: number
  fetch: typeof fetch
  rotate: boolean
  /** With the cookies of the browser. */
  headers: Record<string, string>
}

/** What Latchkey answered, or why that is not known. */
export type RefreshAnswer =
  | { accessToken: string; setCookies: readonly string[] }
  | { refusal: string; setCookies: readonly string[] }
  /** A sentence for operators. */
  | { failure: string; retryAfterSeconds?: number | undefined }

/** Only these say that the refresh token is not good. Any other 401 comes from something between here and Latchkey. */
const REFUSALS =
  /^(refresh_token_(missing|invalid|unknown|expired|reused|superseded)|session_(revoked|expired)|user_disabled)$/

/** Some frameworks keep the answers of `fetch`. Node's types do not have this option. */
const NO_STORE: object = { cache: 'no-store' }

/** Sends the refresh. Never throws, so that many requests can share the answer. */
export async function requestRefresh(request: RefreshRequest): Promise<RefreshAnswer> {
  const { baseUrl, timeoutMs, fetch, rotate, headers } = request
  const what = `POST ${baseUrl}/auth/refresh`
  try {
    const response = await fetch(`${baseUrl}/auth/refresh`, {
      method: 'POST',
      // The cookies must not reach another address.
      redirect: 'manual',
      ...NO_STORE,
      signal: AbortSignal.timeout(timeoutMs),
      headers: rotate ? headers : { ...headers, 'content-type': 'application/json' },
      ...(!rotate && { body: '{"rotate":false}' }),
    })
    return read(response, await membersOf(response), request, what)
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    return {
      failure: isLate ? `${what} was not answered within ${timeoutMs} ms` : `${what} failed: ${reasonOf(error)}`,
    }
  }
}

function read(
  { status, headers }: Response,
  { access_token: accessToken, code }: Record<string, unknown>,
  { refreshCookie }: RefreshRequest,
  what: string,
): RefreshAnswer {
  const setCookies = headers.getSetCookie().filter(setCookie => isOwnSetCookie(setCookie, refreshCookie))
  if (status === 200 && typeof accessToken === 'string' && accessToken !== '') return { accessToken, setCookies }
  if (status === 401 && typeof code === 'string' && REFUSALS.test(code)) return { refusal: code, setCookies }
  const retryAfter = headers.get('retry-after') ?? ''
  const known = typeof code === 'string' && /^[a-z_]{1,60}$/.test(code) ? ` ${code}` : ''
  return {
    failure: `${what} was answered with ${status}${known}`,
    retryAfterSeconds: /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) : undefined,
  }
}

/** The members of a JSON object; none if the answer is anything else, such as the page of a proxy. */
async function membersOf(response: Response): Promise<Record<string, unknown>> {
  const isJson = /^application\/(problem\+)?json\b/i.test(response.headers.get('content-type') ?? '')
  if (!isJson) {
    await response.body?.cancel().catch(() => {})
    return {}
  }
  const text = await textOf(response)
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Reads no more than the limit: something else than Latchkey could send without an end. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of chunksOf(response)) {
    size += chunk.byteLength
    if (size > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

const MAX_BYTES = 64 * 1024

/** `fetch failed` has its reason in the cause. Neither contains headers. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: unknown; cause?: { code?: unknown; message?: unknown } }
  return String(cause?.code ?? cause?.message ?? message).slice(0, 200)
}
