import { administrationErrors } from './administration.js'
import type { CatalogueGroup } from './entry.js'
import { requestErrors } from './requests.js'
import { serviceErrors } from './service.js'
import { signInErrors } from './sign-in.js'
import { accessTokenErrors, sessionErrors } from './tokens.js'

/** The catalogue in the order and with the headings of docs/errors.md. */
export const catalogueGroups: readonly { title: string; errors: CatalogueGroup }[] = [
  { title: 'The request', errors: requestErrors },
  { title: 'Signing in and passwords', errors: signInErrors },
  { title: 'Access tokens', errors: accessTokenErrors },
  { title: 'Refresh tokens and sessions', errors: sessionErrors },
  { title: 'Clients and administration', errors: administrationErrors },
  { title: 'The service', errors: serviceErrors },
]

/**
 * Every error of this service: the stable code for programs, the HTTP status, and texts for people. The responses are
 * problem details (RFC 9457). A code never changes its meaning.
 */
export const catalogue = {
  ...requestErrors,
  ...signInErrors,
  ...accessTokenErrors,
  ...sessionErrors,
  ...administrationErrors,
  ...serviceErrors,
}

export type ErrorCode = keyof typeof catalogue
