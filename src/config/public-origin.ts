import type { Values } from './settings.js'

/** Where browsers and verifiers reach this service, also where nobody has said so. */
export function publicOriginOf({ PUBLIC_ORIGIN, PORT }: Pick<Values, 'PUBLIC_ORIGIN' | 'PORT'>): string {
  return PUBLIC_ORIGIN ?? new URL(`http://localhost:${PORT}`).origin
}
