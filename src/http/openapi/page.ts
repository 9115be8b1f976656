import type { FastifySwaggerUiOptions } from '@fastify/swagger-ui'

/** The page at /docs: Swagger UI with our title, our mark and our colours. */
export function pageOptions(publicPath: string): FastifySwaggerUiOptions {
  return {
    routePrefix: '/docs',
    indexPrefix: publicPath,
    logLevel: 'warn',
    staticCSP: POLICY,
    logo: { type: 'image/svg+xml', content: mark('#fff'), href: '#', target: '_self' },
    theme: {
      title: 'Latchkey API',
      favicon: [
        { filename: 'latchkey.svg', rel: 'icon', sizes: 'any', type: 'image/svg+xml', content: mark('#0f5c5c') },
      ],
      css: [{ filename: 'latchkey.css', content: STYLES }],
    },
    uiConfig: {
      docExpansion: 'list',
      deepLinking: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
      // The browser sends its cookies to this service, and to no other.
      withCredentials: false,
      persistAuthorization: false,
      requestInterceptor: omitCredentials as never,
      // Their declared types are fetch's; Swagger UI passes its own.
      responseInterceptor: useAccessToken as never,
    },
  }
}

// Swagger UI uses inline styles. It loads everything from this service and connects only to it.
const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** A key. */
function mark(colour: string): string {
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="40" height="40" fill="none" ' +
    `stroke="${colour}" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">` +
    '<circle cx="10" cy="16" r="6"/><path d="M16 16h13v5M23 16v4"/></svg>'
  )
}

const STYLES = `
.swagger-ui .topbar { background: #0f3d3d; padding: 6px 0; }
.swagger-ui .topbar .download-url-wrapper { display: none; }
.swagger-ui .info { margin: 24px 0; }
`

interface PageResponse {
  ok: boolean
  url: string
  obj?: { access_token?: string; user?: object }
}

/**
 * Uses the access token of each sign-in for the next requests, so that a person need not copy it. It runs in the page,
 * so it can use nothing outside itself except `ui`.
 */
function useAccessToken(response: PageResponse): PageResponse {
  if (response.ok && response.obj?.user && response.obj.access_token)
    ui.preauthorizeApiKey('bearer', response.obj.access_token)
  return response
}

/**
 * A refused client is answered with the challenge `Basic`, for which browsers would show their own sign-in window and keep
 * the page waiting. They do not for a request without credentials of theirs. It runs in the page.
 */
function omitCredentials(request: { url: string; credentials?: string }) {
  if (request.url.includes('/oauth/')) request.credentials = 'omit'
  return request
}

declare const ui: { preauthorizeApiKey(scheme: string, value: string): void }
