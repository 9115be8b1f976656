/** Where a browser may keep a cookie. It keeps one of the same name for each domain and each path. */
export interface CookiePlace {
  /** Undefined for the host that set it alone. */
  domain: string | undefined
  path: string
}

/**
 * The places where a browser may keep cookies of ours that it sends to an address: earlier values of COOKIE_DOMAIN and
 * COOKIE_PATH put them there. The header Cookie does not say where a cookie is from, so each place must be cleared. A
 * browser ignores those that it does not let us write to (a top-level domain).
 *
 * @param url of the request, as browsers see it
 * @param host of PUBLIC_ORIGIN
 * @param parents whether parents of the host count too. They may hold the cookie of another deployment.
 */
export function cookiePlaces(url: string, host: string, present: CookiePlace, parents: boolean): CookiePlace[] {
  const domains = new Set([undefined, present.domain, ...(parents ? domainsOver(host) : [])])
  const paths = new Set(['/', present.path, ...pathsOver(present.path), ...pathsOver(url.replace(/[?#].*$/, ''))])
  return [...domains].flatMap(domain => [...paths].map(path => ({ domain, path })))
}

/** `auth.example.com` and `example.com`. An address or a name without a dot has none. */
function domainsOver(host: string): string[] {
  if (!/[a-z]/.test(host) || host.startsWith('[')) return []
  const labels = host.split('.')
  return labels.slice(0, -1).map((_label, index) => labels.slice(index).join('.'))
}

/** For `/auth/refresh`: `/auth`, `/auth/` and `/auth/refresh`. Browsers take a slash at the end for another path. */
function pathsOver(path: string): string[] {
  const parts = path.split('/').slice(1, MAX_DEPTH + 1)
  return parts.flatMap((_part, index) => {
    const upTo = `/${parts.slice(0, index + 1).join('/')}`
    return upTo.endsWith('/') || index === parts.length - 1 ? [upTo] : [upTo, `${upTo}/`]
  })
}

const MAX_DEPTH = 4
