import type { CatalogueGroup } from './entry.js'

/** The service cannot answer now. No credential was refused, so a client keeps its tokens. */
export const serviceErrors = {
  busy: {
    status: 503,
    title: 'The service is busy; try again in a moment.',
    when: 'Too many password hashes or changes of one session are waiting.',
    action: 'Try again after the seconds in `Retry-After`.',
  },
  store_unavailable: {
    status: 503,
    title: 'A store is unavailable; try again in a moment.',
    when: 'Postgres cannot be reached, or does not answer within `DATABASE_TIMEOUT`.',
    action: 'Try again after the seconds in `Retry-After`. Do not sign the user out.',
  },
  revocations_stale: {
    status: 503,
    title: 'The revocation list is too old to trust; try again in a moment.',
    when: 'The instance could not read revocations for `REVOCATION_MAX_STALENESS`, so it accepts no token.',
    action: 'Try again after the seconds in `Retry-After`. Do not sign the user out.',
  },
  client_keys_unavailable: {
    status: 503,
    title: 'The keys of the issuer of this assertion cannot be read; try again in a moment.',
    when: 'A client authenticates by an assertion with an unknown key, and its issuer does not answer.',
    action: 'Try again after the seconds in `Retry-After`. The log says which issuer, and why.',
  },
  registration_hook_unavailable: {
    status: 503,
    title: 'Nobody can register at the moment; try again in a moment.',
    when: 'The server at `REGISTRATION_HOOK_URL` gives no valid answer, and `REGISTRATION_HOOK_ON_FAILURE` is `refuse`.',
    action: 'Try again after the seconds in `Retry-After`. The log says why.',
  },
  too_many_followers: {
    status: 503,
    title: 'This instance has as many followers of the revocation feed as it may have.',
    when: 'At `/auth/revocations`: `FEED_MAX_FOLLOWERS` connections are open, or the client has 10,000 live verifiers.',
    action: 'Try again after the seconds in `Retry-After`. Add an instance, or raise `FEED_MAX_FOLLOWERS`.',
  },
  shutting_down: {
    status: 503,
    title: 'This instance is stopping; connect again in a moment.',
    when: 'At `/auth/revocations`: the instance received a signal to stop, so it takes no new followers.',
    action: 'Try again after the seconds in `Retry-After`: a gateway then chooses another instance.',
  },
  internal_error: {
    status: 500,
    title: 'An internal error occurred.',
    when: 'A defect of the service.',
    action: 'Report it with the `request_id`, by which operators find the error in the log.',
  },
} as const satisfies CatalogueGroup
