import type { CatalogueGroup } from './entry.js'

/** Errors of the request itself; they do not depend on the client or the user. */
export const requestErrors = {
  invalid_request: {
    status: 400,
    title: 'The request is invalid.',
    when: 'A field, parameter or header is missing, unknown or has a wrong value.',
    action: 'Show each message of `errors` beside its field. Without `errors`, `detail` says what is wrong.',
  },
  invalid_json: {
    status: 400,
    title: 'The body is not valid JSON.',
    when: 'The body cannot be parsed as JSON. An empty body is no body: where one is required, the error is `invalid_request`.',
    action: 'Correct the program that makes the body.',
  },
  multipart_invalid: {
    status: 400,
    title: 'The body is not a valid multipart form.',
    when: 'Only at `/api/token/`: the form has no boundary, does not end, or has too many parts.',
    action: 'Correct the program that makes the body, or send JSON.',
  },
  ambiguous_request: {
    status: 400,
    title: 'A header, cookie or field appears more than once.',
    when: 'Two values would be possible, and programs disagree about which one counts.',
    action: 'Send the header, cookie or field once. `detail` names it.',
  },
  ambiguous_credentials: {
    status: 400,
    title: 'Send the refresh token as a cookie or in the body, not both.',
    when: 'A request has the refresh cookie and also a refresh token in the body.',
    action: 'Browsers send only the cookie. Other clients send only the body, and keep no cookies.',
  },
  not_found: {
    status: 404,
    title: 'Not found.',
    when: 'No route has this path.',
    action: 'Check the path. `/docs` lists all routes.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This method is not allowed here.',
    when: 'The path exists, but not with this method.',
    action: 'Use a method that the header `Allow` lists.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive.',
    when: 'The headers did not arrive within 10 seconds, or the whole request within 15.',
    action: 'Send the request again.',
  },
  body_too_large: {
    status: 413,
    title: 'The request body is too large.',
    when: 'The body is larger than the route accepts: 4 KB on most routes, 8 KB where it contains an access token, 256 KB at `/auth/activity`.',
    action: 'Send less. No valid request is that large.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Send the body as application/json.',
    when: 'The `Content-Type` of the body is missing or is not the one that the route accepts.',
    action: 'Send JSON with `Content-Type: application/json`. Routes below `/oauth` accept only forms.',
  },
  headers_too_large: {
    status: 431,
    title: 'The request headers are too large.',
    when: 'All headers together have more than 32 KB.',
    action: 'Delete cookies of other services from this domain.',
  },
  cross_site_request: {
    status: 403,
    title: 'Requests from other sites are not allowed.',
    when: 'A browser sent the request from a page whose origin is not allowed to use cookies here.',
    action: 'Call from `PUBLIC_ORIGIN`, or add the origin of the page to `CORS_ORIGINS`.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests; wait before you try again.',
    when: 'One address, client, session or device sent more requests in a minute than the limit.',
    action: 'Wait for the seconds in `Retry-After`, then try again. Do not sign the user out.',
  },
} as const satisfies CatalogueGroup
