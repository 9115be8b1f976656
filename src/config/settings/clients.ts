import type { SettingTree } from '../setting.js'
import { text } from '../value-kinds.js'

export const clientSettings = {
  kubernetes: {
    issuer: {
      variable: 'KUBERNETES_ISSUER',
      kind: text('an https URL', /^https:\/\/\S{1,1000}$/),
      defaultText: 'none',
      description:
        'The issuer of the service-account tokens of the cluster in which Latchkey runs, such as ' +
        '`https://kubernetes.default.svc.cluster.local`. Latchkey then reads the keys of this issuer with its own ' +
        'service account ([clients without secrets](clients.md#kubernetes)). It sends its token by https only, to this issuer ' +
        'and to the address of the keys that this issuer names, if a certificate of `KUBERNETES_CA_FILE` vouches for them.',
    },
    tokenFile: {
      variable: 'KUBERNETES_TOKEN_FILE',
      kind: text('a path', /./),
      default: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      description:
        'The token with which Latchkey reads the keys of `KUBERNETES_ISSUER`. If it cannot be read at start, the log says so.',
    },
    caFile: {
      variable: 'KUBERNETES_CA_FILE',
      kind: text('a path', /./),
      default: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
      description: 'The certificates that Latchkey trusts for `KUBERNETES_ISSUER`, as PEM.',
    },
  },
} as const satisfies SettingTree
