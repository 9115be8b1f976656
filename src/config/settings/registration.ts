import type { SettingTree } from '../setting.js'
import { durationMs, oneOf } from '../value-kinds.js'
import { httpUrl, webhookSecrets } from '../webhook-value-kinds.js'

export const registrationSettings = {
  registrationHook: {
    url: {
      variable: 'REGISTRATION_HOOK_URL',
      kind: httpUrl,
      description:
        'Your server that is asked about each registration, before the account exists: it can refuse it, and give the ' +
        'account its first claims ([claims](claims.md#the-registration-hook)). The rules of `DELIVERY_ALLOWED_NETWORKS` ' +
        'apply.',
    },
    secrets: {
      variable: 'REGISTRATION_HOOK_SECRET',
      kind: webhookSecrets,
      secret: true,
      description:
        'Signs the requests to `REGISTRATION_HOOK_URL`, and is required with it. With two, separated by a comma, each ' +
        'request is signed with both, so that the receiver can change to a new one.',
    },
    timeoutMs: {
      variable: 'REGISTRATION_HOOK_TIMEOUT',
      kind: durationMs('100ms', '10s'),
      default: '2s',
      description: 'How long a registration waits for the answer.',
    },
    onFailure: {
      variable: 'REGISTRATION_HOOK_ON_FAILURE',
      kind: oneOf('refuse', 'allow'),
      default: 'refuse',
      description:
        'What happens to a registration if there is no valid answer: `allow` creates the account without claims, `refuse` ' +
        'answers with 503 `registration_hook_unavailable`.',
    },
  },
} as const satisfies SettingTree
