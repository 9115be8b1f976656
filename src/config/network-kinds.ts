import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { list } from './kinds.js'
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

/** The origin of a web site, exactly as browsers send it. */
export const webOrigin: Kind<string> = {
  accepts: 'an origin (scheme://host[:port], nothing after it)',
  parse(text) {
    const { origin, pathname } = URL.canParse(text) ? new URL(text) : { origin: 'null', pathname: '/' }
    if (origin !== 'null' && pathname !== '/')
      throw new InvalidValue(`must be an origin alone: write ${origin}, and PUBLIC_PATH=${pathname} beside it`)
    parseOrigin(text)
    if (!/^https?:/.test(text)) throw new InvalidValue('must begin with https:// or http://')
    return text
  },
}

/** Also the origins of apps in a web view, which have schemes of their own, such as capacitor://localhost. */
export const anyOrigin: Kind<string> = { accepts: webOrigin.accepts, parse: parseOrigin }

function parseOrigin(text: string): string {
  if (text.includes('*'))
    throw new InvalidValue('must name every origin in full: a star would let any site act as the user')
  if (text === 'null') {
    throw new InvalidValue(
      'must be a real origin: any sandboxed page sends null, so name the site, as https://app.example.com',
    )
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || url?.protocol === 'http:') {
    if (url.origin !== text) throw new InvalidValue(`must be exactly what a browser sends: write ${url.origin}`)
  } else if (!/^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d+)?$/.test(text)) {
    throw new InvalidValue('must be an origin, as https://app.example.com or http://localhost:5173')
  }
  return text
}

const namedNetworks: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/** A network, read into CIDRs: a bare address is a network of one, and a word may stand for several. */
const network: Kind<readonly string[]> = {
  accepts: 'a CIDR, an IP address, loopback, linklocal or uniquelocal',
  parse(text) {
    const named = Object.hasOwn(namedNetworks, text) ? namedNetworks[text] : undefined
    if (named) return named
    if (/^(\d+|true|on)$/i.test(text)) {
      throw new InvalidValue(
        'must name the networks of your proxies, as 10.0.0.0/8 or uniquelocal: with a count of proxies, or with all ' +
          'of them trusted, a client could choose the address it is seen under',
      )
    }
    if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text)) return [text]
    if (isIP(text) === 4) return [`${text}/32`]
    if (isIP(text) === 6 && !text.includes('%')) return [`${text}/128`]
    throw new InvalidValue(
      'must be a CIDR, as 10.0.0.0/8, an IP address, or one of loopback, linklocal and uniquelocal',
    )
  },
}

export const networks: Kind<readonly string[]> = {
  accepts: list(network).accepts,
  parse: text => list(network).parse(text).flat(),
}

/** The domain of a cookie. */
export const cookieDomain: Kind<string> = {
  accepts: 'a domain, as example.com',
  parse(text) {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(text)) {
      throw new InvalidValue('must be a lower-case domain, as example.com, without scheme, port, path or leading dot')
    }
    return text
  },
}

const EXAMPLE = 'a path such as /identity'

/** The path before every address of ours as clients see it, without a slash at its end; empty if there is none. */
export const publicPath: Kind<string> = {
  accepts: EXAMPLE,
  parse(text) {
    if (/^[a-z]+:\/\//i.test(text)) throw new InvalidValue(`must be ${EXAMPLE}: the origin before it is PUBLIC_ORIGIN`)
    if (!text.startsWith('/')) throw new InvalidValue(`must be ${EXAMPLE}, which begins with a slash`)
    const path = text.replace(/\/$/, '')
    if (`${path}/`.includes('//')) throw new InvalidValue('must not have two slashes in a row')
    const parts = path.split('/').slice(1)
    if (parts.some(part => part === '.' || part === '..'))
      throw new InvalidValue('must not have . or .. between its slashes')
    // A gateway, a browser and a cookie would each write anything else in a way of its own.
    if (!/^[\w.~/-]{0,128}$/.test(path)) {
      throw new InvalidValue(
        'must be at most 128 letters, digits, - . _ and ~ between slashes, without spaces, percent signs or a query',
      )
    }
    if (/^\/auth\/verify(-role)?(\/|$)/.test(path)) {
      throw new InvalidValue("must not begin with /auth/verify, below which gateways put their clients' paths")
    }
    return path
  },
}
