import { NextResponse } from 'next/server'
import { renewCookies } from './latchkey.js'

/**
 * Runs before the pages and can set cookies, so the refresh happens here: the new cookies go to the browser with the
 * answer, and to the components with the request.
 */
export async function proxy(request) {
  const renewed = await renewCookies(request.headers)
  if (!renewed) return NextResponse.next()
  const headers = new Headers(request.headers)
  headers.set('cookie', renewed.cookie)
  const response = NextResponse.next({ request: { headers } })
  for (const setCookie of renewed.setCookies) response.headers.append('set-cookie', setCookie)
  // No cache may give these cookies to somebody else.
  response.headers.set('cache-control', 'no-store')
  return response
}

/** Not for Latchkey's own routes and for files. */
export const config = { matcher: ['/((?!auth/|_next/static|_next/image|favicon.ico).*)'] }
