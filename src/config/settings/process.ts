import { durationMs, integer, oneOf, someOf, text } from '../kinds.js'
import { bindAddress } from '../network-kinds.js'
import type { SettingTree } from '../setting.js'

export const processSettings = {
  nodeEnv: {
    variable: 'NODE_ENV',
    kind: oneOf('production', 'development', 'test'),
    default: 'development',
    description:
      'In `production` nothing is assumed: secrets and store addresses must be given, and cookies are secure.',
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
    description: 'The port to listen on; `0` takes any free one (then set `PUBLIC_ORIGIN` too).',
  },
  keepAliveTimeoutMs: {
    variable: 'KEEP_ALIVE_TIMEOUT',
    kind: durationMs('1s', '2h'),
    default: '72s',
    description:
      'How long a connection stays open without a request. Make it longer than your gateway keeps its own (nginx 60 ' +
      'seconds, Google Cloud 600), or it sends a request into a connection that was just closed.',
  },
  dialects: {
    variable: 'DIALECTS',
    kind: someOf('simple-jwt', 'sessions'),
    default: 'simple-jwt,sessions',
    description:
      'Whose wire formats are spoken besides our own: `simple-jwt` at `/api/token/`, `sessions` at ' +
      '`/api/users/me/sessions`; `none` turns both off. They are on because they open no second door: the same ' +
      'passwords, limits and sessions are behind them, and neither sets a cookie or takes one for a token.',
  },
  logLevel: {
    variable: 'LOG_LEVEL',
    kind: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
    description: 'How much is logged.',
  },
  dataDir: {
    variable: 'DATA_DIR',
    kind: text('a path', /./),
    default: '.latchkey',
    description:
      "The folder of the embedded mode: its Postgres and its generated secrets. Only the service's user may read it.",
  },
  shutdownDelayMs: {
    variable: 'SHUTDOWN_DELAY',
    kind: durationMs('0s', '5m'),
    defaultText: '`5s` in Kubernetes (where `KUBERNETES_SERVICE_HOST` is set), otherwise `1s`',
    description:
      'How long a stopping instance answers 503 on `/readyz` but serves everything else, before it stops listening. ' +
      'Gateways need that time to send their requests elsewhere, so make it longer than the interval at which yours ' +
      'asks ([gateways](gateways.md#before-latchkey)). Ctrl-C (SIGINT) skips it.',
  },
} as const satisfies SettingTree
