import { anyOrigin, cookieDomain, publicPath, webOrigin } from '../network-value-kinds.js'
import { proxyNetworks } from '../networks-kind.js'
import type { SettingTree } from '../setting.js'
import { list, oneOf, onOff, text } from '../value-kinds.js'

export const browserSettings = {
  publicOrigin: {
    variable: 'PUBLIC_ORIGIN',
    kind: webOrigin,
    defaultText: '`http://localhost:PORT`',
    description: 'The origin at which browsers and verifiers reach this service.',
  },
  publicPath: {
    variable: 'PUBLIC_PATH',
    kind: publicPath,
    default: '/',
    description:
      'The path under which a gateway serves Latchkey at `PUBLIC_ORIGIN`, such as `/identity`. All addresses ' +
      'that Latchkey publishes begin with it. Latchkey answers requests with and without it, so the gateway can ' +
      'forward or strip it ([gateways](gateways.md#below-a-path)).',
  },
  corsOrigins: {
    variable: 'CORS_ORIGINS',
    kind: list(anyOrigin),
    default: '',
    description:
      'Origins other than `PUBLIC_ORIGIN` whose pages can call this service with cookies: for example a [front end on ' +
      'another port](front-end.md).',
  },
  corsHeaders: {
    variable: 'CORS_HEADERS',
    kind: list(text('a header name', /^[A-Za-z0-9-]{1,64}$/)),
    default: '',
    description:
      'Request headers that these pages can send in addition to `Authorization`, `Content-Type`, ' +
      '`X-Requested-With`, `traceparent`, `tracestate`, `baggage` and `sentry-trace`: for example headers that ' +
      'your libraries add to each request.',
  },
  defaultTransport: {
    variable: 'DEFAULT_TRANSPORT',
    kind: oneOf('cookie', 'body'),
    default: 'cookie',
    description:
      'Where the refresh token is returned if a request does not say `transport`: `cookie` for browsers, `body` if most ' +
      'of your clients store it themselves, such as apps. A refresh returns it where the request had it.',
  },
  trustProxy: {
    variable: 'TRUST_PROXY',
    kind: proxyNetworks,
    default: '',
    description:
      "The networks of the proxies whose `X-Forwarded-For` gives the client's address, and whose `X-Request-Id` is " +
      "the id of the request in the [log](logging.md). If unset, the client's address is that of the connection, and " +
      'both headers are ignored.',
  },
  cookie: {
    name: {
      variable: 'COOKIE_NAME',
      // Without our prefixes: they follow from other settings, and browsers enforce their rules.
      kind: text('a name of letters, digits, - and _ that begins with a letter', /^[A-Za-z][\w-]{0,63}$/),
      default: 'latchkey',
      description:
        'The name of the refresh cookie, without its prefix. The other cookies add `-000` to `-fff`, `-ticket`, ' +
        '`-at` and `-device` to it. If several deployments share a parent domain, each needs a different name. A ' +
        'change signs out all users whose refresh token is in a cookie.',
    },
    domain: {
      variable: 'COOKIE_DOMAIN',
      kind: cookieDomain,
      description:
        'Shares the cookies with all subdomains of this domain; their prefix is then `__Secure-`. It must be the ' +
        'host of `PUBLIC_ORIGIN` or a parent of it, and not a public suffix such as co.uk. Cookies that were set ' +
        'with an earlier value are still accepted until Latchkey replaces them.',
    },
    path: {
      variable: 'COOKIE_PATH',
      kind: text('a path that begins with /', /^\/[\w.~/-]*$/),
      default: '/',
      description:
        'The browser sends the cookies only to addresses under this path. It is the path that browsers see, so ' +
        'it begins with `PUBLIC_PATH`. Unless it is `/`, the prefix of the cookies is `__Secure-`.',
    },
    sameSite: {
      variable: 'COOKIE_SAMESITE',
      kind: oneOf('strict', 'lax', 'none'),
      default: 'strict',
      description:
        'The `SameSite` attribute of the refresh cookie. `none` is for pages on another site, whose origins must ' +
        'be in `CORS_ORIGINS`.',
    },
    insecure: {
      variable: 'COOKIE_INSECURE',
      kind: onOff,
      default: 'off',
      description:
        'Sets cookies without `Secure` and without a prefix: for development over plain http with a host name ' +
        'other than localhost, or with a client that sends no `Secure` cookie to `http://localhost` (supertest). ' +
        'Rejected in production.',
    },
    access: {
      variable: 'ACCESS_COOKIE',
      kind: onOff,
      default: 'off',
      description:
        'Also sets the access token as a cookie (`SameSite=Lax`), for server-rendered pages. A token that is too ' +
        'long for a cookie (many roles with long names) is not set, and this is logged.',
    },
  },
  verifyPreflights: {
    variable: 'VERIFY_PREFLIGHTS',
    kind: oneOf('off', 'method', 'forwarded'),
    default: 'off',
    description:
      'Whether `/auth/verify` allows a CORS preflight, which has no credentials, so that the service behind a ' +
      'gateway can answer it. `method` recognises a preflight by its method, which Envoy keeps. `forwarded` ' +
      'recognises it by `X-Forwarded-Method`: use this only with gateways that always set this header ' +
      'themselves, such as Caddy and Traefik, or nginx with the configuration in [gateways](gateways.md). ' +
      'Otherwise a client could pass off any request as a preflight.',
  },
} as const satisfies SettingTree
