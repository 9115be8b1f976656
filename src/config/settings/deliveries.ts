import { networks } from '../networks-kind.js'
import type { SettingTree } from '../setting.js'

export const deliverySettings = {
  deliveryAllowedNetworks: {
    variable: 'DELIVERY_ALLOWED_NETWORKS',
    kind: networks,
    defaultText: 'none; in embedded mode `loopback`',
    description:
      'Private networks to which events can be delivered, also by plain http, such as `10.0.0.0/8` for receivers in the ' +
      'same cluster. Everything else must be a public address with https ([webhooks](webhooks.md#where-events-can-go)).',
  },
} as const satisfies SettingTree
