import { list, oneOf, onOff, text } from '../kinds.js'
import { anyOrigin, cookieDomain, networks, publicPath, webOrigin } from '../network-kinds.js'
import type { SettingTree } from '../setting.js'

export const browserSettings = {
  publicOrigin: {
    variable: 'PUBLIC_ORIGIN',
    kind: webOrigin,
    defaultText: '`http://localhost:PORT`',
    description: 'Where browsers and verifiers reach this service from outside.',
  },
  publicPath: {
    variable: 'PUBLIC_PATH',
    kind: publicPath,
    default: '/',
    description:
      'The path below which a gateway serves Latchkey there, such as `/identity`. All addresses that Latchkey tells begin ' +
      'with it. Each is answered with it and without it, so the gateway may pass the path on or strip it ' +
      '([gateways](gateways.md#below-a-path)).',
  },
  corsOrigins: {
    variable: 'CORS_ORIGINS',
    kind: list(anyOrigin),
    default: '',
    description: 'Sites other than `PUBLIC_ORIGIN` whose pages may call this service with cookies.',
  },
  corsHeaders: {
    variable: 'CORS_HEADERS',
    kind: list(text('a name of a header', /^[A-Za-z0-9-]{1,64}$/)),
    default: '',
    description:
      'Headers that these pages may send besides `Authorization`, `Content-Type`, `X-Requested-With`, `traceparent`, ' +
      '`tracestate`, `baggage` and `sentry-trace`: those that your libraries add to each request.',
  },
  trustProxy: {
    variable: 'TRUST_PROXY',
    kind: networks,
    default: '',
    description:
      "The networks of the proxies whose `X-Forwarded-For` tells the client's address. " +
      'Unset, the address of the connection counts, whatever a header says.',
  },
  cookie: {
    name: {
      variable: 'COOKIE_NAME',
      // Not our own prefixes: they follow from the other settings, and browsers hold a cookie to them.
      kind: text('a name of letters, digits, - and _, that begins with a letter', /^[A-Za-z][\w-]{0,63}$/),
      default: 'latchkey',
      description:
        'The name of the refresh cookie behind its prefix; the others are `-000` to `-fff`, `-ticket`, `-at` and `-device` after ' +
        'it. Give each ' +
        'deployment its own where several share a parent domain. Changing it signs out those who keep a cookie.',
    },
    domain: {
      variable: 'COOKIE_DOMAIN',
      kind: cookieDomain,
      description:
        'Shares the cookies with all subdomains of this domain; their prefix is then `__Secure-`. ' +
        'It must be the host of `PUBLIC_ORIGIN` or a parent of it, and no domain under which others register theirs. ' +
        'Cookies that an earlier value set are used while they are good, and cleared.',
    },
    path: {
      variable: 'COOKIE_PATH',
      kind: text('a path that begins with /', /^\/[\w.~/-]*$/),
      default: '/',
      description:
        'Sends the cookies to addresses below this path only, as browsers see it: it begins with `PUBLIC_PATH`. Unless it is ' +
        '`/`, their prefix is `__Secure-`.',
    },
    sameSite: {
      variable: 'COOKIE_SAMESITE',
      kind: oneOf('strict', 'lax', 'none'),
      default: 'strict',
      description:
        'The `SameSite` of the refresh cookie. `none` is for pages on another site, and needs them in `CORS_ORIGINS`.',
    },
    insecure: {
      variable: 'COOKIE_INSECURE',
      kind: onOff,
      default: 'off',
      description:
        'Cookies without `Secure` and without a prefix, for development by plain http on another name than localhost, ' +
        'or with a client that sends no `Secure` cookie to `http://localhost` (supertest). Refused in production.',
    },
    access: {
      variable: 'ACCESS_COOKIE',
      kind: onOff,
      default: 'off',
      description:
        'Also sets the access token as a cookie (`SameSite=Lax`), for pages that a server renders. One that is too long for a ' +
        'cookie, by many roles and long names, is not set, and the log says so.',
    },
  },
  verifyPreflights: {
    variable: 'VERIFY_PREFLIGHTS',
    kind: oneOf('off', 'method', 'forwarded'),
    default: 'off',
    description:
      'Whether a CORS preflight, which bears no credentials, passes `/auth/verify`, so that the service behind a gateway ' +
      'can answer it. `method` knows one by its method, which Envoy keeps. `forwarded` knows it by `X-Forwarded-Method`: ' +
      'only for gateways that always set it themselves, as Caddy and Traefik do, and nginx with the lines of ' +
      '[gateways](gateways.md). Otherwise a client could pass every ' +
      'request off as a preflight.',
  },
} as const satisfies SettingTree
