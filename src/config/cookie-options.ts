import type { Values } from './settings.js'

/** Browsers hold a cookie to its prefix: `__Host-` forbids a domain and a path, and both prefixes demand Secure. */
export function cookieOptions(values: Values) {
  const isHostOnly = values.COOKIE_DOMAIN === undefined && values.COOKIE_PATH === '/'
  const prefix = values.COOKIE_INSECURE ? '' : isHostOnly ? '__Host-' : '__Secure-'
  return {
    name: `${prefix}${values.COOKIE_NAME}`,
    accessName: `${prefix}${values.COOKIE_NAME}-at`,
    deviceName: `${prefix}${values.COOKIE_NAME}-device`,
    ticketName: `${prefix}${values.COOKIE_NAME}-ticket`,
    domain: values.COOKIE_DOMAIN,
    path: values.COOKIE_PATH,
    sameSite: values.COOKIE_SAMESITE,
    secure: !values.COOKIE_INSECURE,
    access: values.ACCESS_COOKIE,
  }
}
