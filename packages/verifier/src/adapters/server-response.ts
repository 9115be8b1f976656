import type { ServerResponse } from 'node:http'
import { type Header, setCookiesOf } from './answer-headers.js'
import { keepCookies } from './kept-cookies.js'
import { INTERNAL_ERROR, isRefusal, refusalFor } from './refusal.js'

/**
 * Adds headers to an answer of `node:http`, unless it has been sent, for example after a timeout. Cookies stay, whatever
 * is done to the headers later.
 */
export function addHeaders(response: ServerResponse, headers: readonly Header[]): void {
  if (response.headersSent) return
  for (const [name, value] of headers) {
    if (name === 'set-cookie') response.appendHeader(name, value)
    else response.setHeader(name, value)
  }
  keepCookies(response, setCookiesOf(headers))
}

/** Answers with the refusal for an error, or with 500 for a defect. */
export function sendRefusal(response: ServerResponse, error: unknown, requestId?: string): void {
  if (response.headersSent) return
  const { status, headers, body } = isRefusal(error) ? refusalFor(error, requestId) : INTERNAL_ERROR
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}
