import { durationMs, durationSeconds, integer, oneOf, onOff } from '../kinds.js'
import type { SettingTree } from '../setting.js'

export const limitSettings = {
  registration: {
    variable: 'REGISTRATION',
    kind: oneOf('open', 'closed'),
    default: 'open',
    description: 'Whether people may make accounts themselves.',
  },
  passwordMinLength: {
    variable: 'PASSWORD_MIN_LENGTH',
    kind: integer(8, 64),
    default: '8',
    description: 'The fewest characters of a new password.',
  },
  passwordResetTtlSeconds: {
    variable: 'PASSWORD_RESET_EXPIRES_IN',
    kind: durationSeconds('1m', '7d'),
    default: '1h',
    description: 'The lifetime of a one-time token with which a user sets a new password.',
  },
  hash: {
    concurrency: {
      variable: 'HASH_CONCURRENCY',
      kind: integer(1, 256),
      defaultText: 'the cores that this container may use',
      description:
        'Password hashes computed at a time; each takes about 19 MiB of memory, one of an older system up to 256.',
    },
    queue: {
      variable: 'HASH_QUEUE',
      kind: integer(0, 10_000),
      default: '64',
      description:
        'Sign-ins that may wait for their hash; more are answered 503 `busy`. Known browsers and live sessions have as many ' +
        'places again.',
    },
  },
  rateLimit: {
    enabled: {
      variable: 'RATE_LIMIT',
      kind: onOff,
      default: 'on',
      description: 'Turns the two limits below on or off.',
    },
    perAddressPerMinute: {
      variable: 'RATE_LIMIT_PER_ADDRESS',
      kind: integer(1, 1_000_000),
      default: '300',
      description:
        'Sign-ins and refreshes a minute from one address (IPv6: from one /64). What carries a genuine credential (a ' +
        'session, a known browser, a client, a reset token) does not count for its address: each has as many of its own.',
    },
    failuresPerAccountPerMinute: {
      variable: 'RATE_LIMIT_FAILURES_PER_ACCOUNT',
      kind: integer(1, 1_000_000),
      default: '30',
      description:
        'Failed sign-ins a minute to one account. Each browser that signed in to it before, and each of its live sessions, ' +
        'has as many of its own.',
    },
  },
  signInFailureDelayMs: {
    variable: 'SIGN_IN_FAILURE_DELAY',
    kind: durationMs('0s', '5s'),
    default: '500ms',
    description:
      'How long after it came a failed sign-in is answered, whatever it was refused for, so that the time does not tell ' +
      'which accounts exist ([passwords](passwords.md#what-the-time-tells)). Longer than a hash takes. `0s` turns this off.',
  },
  lockout: {
    failures: {
      variable: 'LOCKOUT_FAILURES',
      kind: integer(0, 10_000),
      default: '100',
      description:
        'Failed sign-ins in a row after which an account opens only from a browser that signed in to it before, by a ' +
        'change of password in a live session, or after `latchkey users enable` ([lockout](lockout.md)). `0` turns this off.',
    },
    deviceMaxAgeSeconds: {
      variable: 'DEVICE_COOKIE_MAX_AGE',
      kind: durationSeconds('1d', '400d'),
      default: '365d',
      description:
        'For how long a browser that signed in to an account is known. Browsers keep no cookie for more than 400 days.',
    },
  },
  eventRetentionSeconds: {
    variable: 'EVENT_RETENTION',
    kind: durationSeconds('1d', '3650d'),
    default: '90d',
    description: 'How long security events are kept.',
  },
} as const satisfies SettingTree
