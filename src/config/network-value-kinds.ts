import { isIP } from 'node:net'
import { InvalidValue, type Kind } from './setting.js'

/** The address to listen on. */
export const bindAddress: Kind<string> = {
  accepts: 'an IP address or a host name',
  parse(text) {
    if (isIP(text) === 0 && !/^[A-Za-z0-9.-]+$/.test(text)) {
      throw new InvalidValue('must be an IP address or a host name, without scheme or port')
    }
    return text
  },
}

/** The origin of a website, exactly as browsers send it. */
export const webOrigin: Kind<string> = {
  accepts: 'an origin (scheme://host[:port], nothing after it)',
  parse(text) {
    const { origin, pathname } = URL.canParse(text) ? new URL(text) : { origin: 'null', pathname: '/' }
    if (origin !== 'null' && pathname !== '/')
      throw new InvalidValue(`must be an origin without a path: write ${origin}, and set PUBLIC_PATH=${pathname}`)
    parseOrigin(text)
    if (!/^https?:/.test(text)) throw new InvalidValue('must begin with https:// or http://')
    return text
  },
}

/** Also the origin of an app in a web view, which has a different scheme, such as capacitor://localhost. */
export const anyOrigin: Kind<string> = { accepts: webOrigin.accepts, parse: parseOrigin }

function parseOrigin(text: string): string {
  if (text.includes('*'))
    throw new InvalidValue('must contain complete origins only: a wildcard would let any site act as the user')
  if (text === 'null') {
    throw new InvalidValue(
      'must be a complete origin, such as https://app.example.com: every sandboxed page sends null',
    )
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || url?.protocol === 'http:') {
    if (url.origin !== text) throw new InvalidValue(`must be exactly what browsers send: write ${url.origin}`)
  } else if (!/^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d+)?$/.test(text)) {
    throw new InvalidValue('must be an origin, such as https://app.example.com or http://localhost:5173')
  }
  return text
}

/** The domain of a cookie. */
export const cookieDomain: Kind<string> = {
  accepts: 'a domain, such as example.com',
  parse(text) {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(text)) {
      throw new InvalidValue(
        'must be a domain in lower case, such as example.com, without scheme, port, path or leading dot',
      )
    }
    return text
  },
}

const EXAMPLE = 'a path such as /identity'

/** The path prefix of all public addresses, without a slash at the end. The path / is the empty string. */
export const publicPath: Kind<string> = {
  accepts: EXAMPLE,
  parse(text) {
    if (/^[a-z]+:\/\//i.test(text))
      throw new InvalidValue(`must be ${EXAMPLE}, without an origin: set that in PUBLIC_ORIGIN`)
    if (!text.startsWith('/')) throw new InvalidValue(`must be ${EXAMPLE}, which begins with a slash`)
    const path = text.replace(/\/$/, '')
    if (`${path}/`.includes('//')) throw new InvalidValue('must not contain two consecutive slashes')
    const parts = path.split('/').slice(1)
    if (parts.some(part => part === '.' || part === '..'))
      throw new InvalidValue('must not contain . or .. as a path segment')
    // Gateways, browsers and cookies encode all other characters in different ways.
    if (!/^[\w.~/-]{0,128}$/.test(path)) {
      throw new InvalidValue(
        'must be at most 128 letters, digits, - . _ ~ and slashes, without spaces, percent signs or a query',
      )
    }
    if (/^\/auth\/verify(-role)?(\/|$)/.test(path)) {
      throw new InvalidValue(
        'must not begin with /auth/verify: gateways append the paths of client requests to that address',
      )
    }
    return path
  },
}

/** The first segments of the paths of our own routes, and of `/api/` the second one. */
const OWN_PATHS =
  /^\/(?:\.well-known|account|admin|auth|docs|doctor|global-token-revocation|healthz|livez|metrics|oauth|openapi\.json|readyz|ssf|api\/token|api\/users)(?:\/|$)/

const PREFIX_EXAMPLE = 'a path such as /api/v1/auth'

/** A path below which routes are added. It contains none of our other routes, and none of them contains it. */
export const routePrefix: Kind<string> = {
  accepts: PREFIX_EXAMPLE,
  parse(path) {
    if (!path.startsWith('/')) throw new InvalidValue(`must be ${PREFIX_EXAMPLE}, which begins with a slash`)
    if (path.endsWith('/')) throw new InvalidValue(`must be ${PREFIX_EXAMPLE}, without a slash at the end`)
    if (path.length > 128 || !/^(\/[\w~-][\w.~-]*)+$/.test(path)) {
      throw new InvalidValue(
        'must be at most 128 characters: letters, digits, - . _ ~ and slashes, and no segment is empty or begins with a dot',
      )
    }
    if (OWN_PATHS.test(path) || path === '/api')
      throw new InvalidValue(`must not contain paths of other routes of Latchkey: choose ${PREFIX_EXAMPLE}`)
    return path
  },
}
