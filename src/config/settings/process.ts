import { bindAddress, routePrefix } from '../network-value-kinds.js'
import type { SettingTree } from '../setting.js'
import { durationMs, integer, oneOf, onOff, someOf, text } from '../value-kinds.js'

export const processSettings = {
  nodeEnv: {
    variable: 'NODE_ENV',
    kind: oneOf('production', 'development', 'test'),
    default: 'development',
    description: 'With `production`, secrets and store addresses are required, and cookies are `Secure`.',
  },
  host: {
    variable: 'HOST',
    kind: bindAddress,
    defaultText: '`0.0.0.0` in production, otherwise `127.0.0.1`',
    description: 'The address to listen on.',
  },
  port: {
    variable: 'PORT',
    kind: integer(0, 65_535),
    default: '3000',
    description: 'The port to listen on. `0` takes any free port; then set `PUBLIC_ORIGIN` too.',
  },
  metrics: {
    port: {
      variable: 'METRICS_PORT',
      kind: integer(1, 65_535),
      defaultText: 'none: there are no metrics',
      description:
        'The port of `GET /metrics`, with the [metrics](metrics.md) for Prometheus. It needs no password, so do not ' +
        'publish it: only your monitoring needs it.',
    },
    host: {
      variable: 'METRICS_HOST',
      kind: bindAddress,
      defaultText: '`HOST`',
      description: 'The address to listen on for `METRICS_PORT`.',
    },
  },
  keepAliveTimeoutMs: {
    variable: 'KEEP_ALIVE_TIMEOUT',
    kind: durationMs('1s', '2h'),
    default: '72s',
    description:
      'How long an idle connection stays open. Set it longer than the keep-alive timeout of your gateway (nginx ' +
      '60 seconds, Google Cloud 600); otherwise the gateway may send a request on a connection that was just ' +
      'closed.',
  },
  dialects: {
    variable: 'DIALECTS',
    kind: someOf('simple-jwt', 'sessions', 'envelope'),
    default: 'simple-jwt,sessions',
    description:
      'API formats of other systems that are served too: `simple-jwt` at `/api/token/`, `sessions` at ' +
      '`/api/users/me/sessions`, `envelope` at `ENVELOPE_PREFIX`; `none` turns all off. They give no additional ' +
      'access: they use the same passwords, limits and sessions, and none of them sets a cookie or accepts one as a ' +
      'token.',
  },
  envelope: {
    prefix: {
      variable: 'ENVELOPE_PREFIX',
      kind: routePrefix,
      default: '/api/v1/auth',
      description:
        'The path of the `envelope` API: `POST register`, `login`, `refresh` and `logout`, and `GET profile` are below ' +
        'it, with answers as `{success, message, data}` ([migrating](migrating.md#from-a-table-of-refresh-tokens)). ' +
        '`PUBLIC_PATH` comes before it, as before all paths.',
    },
    spelling: {
      variable: 'ENVELOPE_CASE',
      kind: oneOf('snake', 'camel'),
      default: 'snake',
      description:
        'The field names in the answers of the `envelope` API: `access_token` (`snake`) or `accessToken` (`camel`). ' +
        'Requests can always use both.',
    },
  },
  logLevel: {
    variable: 'LOG_LEVEL',
    kind: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
    description: 'The least severe level that is logged.',
  },
  logSecurityEvents: {
    variable: 'LOG_SECURITY_EVENTS',
    kind: onOff,
    default: 'on',
    description:
      'Whether every [security event](events.md#in-the-log) is also logged, at level `info`, after it was written to ' +
      'Postgres.',
  },
  logFormat: {
    variable: 'LOG_FORMAT',
    kind: oneOf('auto', 'json', 'pretty'),
    default: 'auto',
    description:
      'The format of the log: `json`, one object a line, for programs; `pretty`, for people. `auto` is `pretty` at a ' +
      'terminal and `json` everywhere else.',
  },
  dataDir: {
    variable: 'DATA_DIR',
    kind: text('a path', /./),
    default: '.latchkey',
    description:
      'The folder of the embedded mode: its Postgres and its generated secrets. Only the user that runs the ' +
      'service can read it.',
  },
  shutdownDelayMs: {
    variable: 'SHUTDOWN_DELAY',
    kind: durationMs('0s', '5m'),
    defaultText: '`5s` in Kubernetes (where `KUBERNETES_SERVICE_HOST` is set), otherwise `1s`',
    description:
      'How long a stopping instance answers 503 on `/readyz` but serves all other requests, before it stops ' +
      'listening. Gateways need this time to route requests to other instances, so set it longer than the ' +
      "interval of your gateway's health check ([gateways](gateways.md#before-latchkey)). Ctrl-C (SIGINT) skips " +
      'it.',
  },
} as const satisfies SettingTree
