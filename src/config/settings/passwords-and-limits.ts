import { retentionByType } from '../retention-kind.js'
import type { SettingTree } from '../setting.js'
import { durationMs, durationSeconds, integer, oneOf, onOff } from '../value-kinds.js'

export const limitSettings = {
  registration: {
    variable: 'REGISTRATION',
    kind: oneOf('open', 'verified', 'closed'),
    default: 'open',
    description:
      'Whether people can create accounts themselves. With `verified`, an account exists when the link of a ' +
      '[letter](letters.md#registration-with-a-confirmed-address) to its address was used.',
  },
  passwordMinLength: {
    variable: 'PASSWORD_MIN_LENGTH',
    kind: integer(8, 64),
    default: '8',
    description: 'The minimum number of characters of a new password.',
  },
  passwordResetTtlSeconds: {
    variable: 'PASSWORD_RESET_EXPIRES_IN',
    kind: durationSeconds('1m', '7d'),
    default: '1h',
    description: 'The lifetime of a one-time token with which a user sets a new password.',
  },
  accountDeletionDelaySeconds: {
    variable: 'ACCOUNT_DELETION_DELAY',
    kind: durationSeconds('0s', '365d'),
    default: '14d',
    description:
      'How long after the request of its owner an account is [deleted](accounts.md#deletion). A sign-in before that keeps the ' +
      'account. `0` deletes it at once.',
  },
  hash: {
    concurrency: {
      variable: 'HASH_CONCURRENCY',
      kind: integer(1, 256),
      defaultText: 'the CPU cores available to this container',
      description:
        'The number of password hashes that are computed at the same time. Each takes about 19 MiB of memory; a ' +
        'hash from an older system takes up to 256 MiB.',
    },
    queue: {
      variable: 'HASH_QUEUE',
      kind: integer(0, 10_000),
      default: '64',
      description:
        'The number of sign-ins that can wait for their password hash. Further sign-ins are rejected with 503 ' +
        '`busy`. The same number of known browsers and live sessions can wait in addition.',
    },
  },
  rateLimit: {
    enabled: {
      variable: 'RATE_LIMIT',
      kind: onOff,
      default: 'on',
      description: 'Turns the three limits below on or off.',
    },
    perAddressPerMinute: {
      variable: 'RATE_LIMIT_PER_ADDRESS',
      kind: integer(1, 1_000_000),
      default: '300',
      description:
        'Sign-ins and refreshes per minute from one address (IPv6: from one /64). A request with a valid ' +
        'credential (a session, a known browser, a client, a reset token) does not count for its address: each ' +
        'credential has this limit separately.',
    },
    failuresPerAccountPerMinute: {
      variable: 'RATE_LIMIT_FAILURES_PER_ACCOUNT',
      kind: integer(1, 1_000_000),
      default: '30',
      description:
        'Failed sign-ins per minute to one account. Each browser that signed in to the account before, and each ' +
        'of its live sessions, has this limit separately.',
    },
    lettersPerAddressPerHour: {
      variable: 'RATE_LIMIT_LETTERS',
      kind: integer(1, 1_000_000),
      default: '5',
      description:
        'Letters per hour that anybody can have sent to one e-mail address. Letters for a new password have this limit ' +
        'separately.',
    },
  },
  signInFailureDelayMs: {
    variable: 'SIGN_IN_FAILURE_DELAY',
    kind: durationMs('0s', '5s'),
    default: '500ms',
    description:
      'The response time of a failed sign-in, for any reason, so that the time does not show which accounts ' +
      'exist ([passwords](passwords.md#what-the-time-tells)). Set it longer than a password hash takes. `0s` ' +
      'turns this off.',
  },
  lockout: {
    failures: {
      variable: 'LOCKOUT_FAILURES',
      kind: integer(0, 10_000),
      default: '100',
      description:
        'The number of consecutive failed sign-ins after which an account is locked. Then only a sign-in from a ' +
        'browser that signed in to it before, a password change in a live session, or `latchkey users enable` ' +
        'unlocks it ([lockout](lockout.md)). `0` turns this off.',
    },
    deviceMaxAgeSeconds: {
      variable: 'DEVICE_COOKIE_MAX_AGE',
      kind: durationSeconds('1d', '400d'),
      default: '365d',
      description:
        'How long a browser that signed in to an account is known. Browsers keep no cookie for more than 400 ' +
        'days.',
    },
  },
  eventRetentionSeconds: {
    variable: 'EVENT_RETENTION',
    kind: durationSeconds('1d', '3650d'),
    default: '90d',
    description: 'How long security events are kept.',
  },
  eventRetentionByType: {
    variable: 'EVENT_RETENTION_BY_TYPE',
    kind: retentionByType,
    default: '',
    description:
      'How long events of single types are kept, if not for `EVENT_RETENTION`: `sign_in_failed=7d,roles_changed=730d`. See ' +
      'the [types](events.md#the-types).',
  },
} as const satisfies SettingTree
