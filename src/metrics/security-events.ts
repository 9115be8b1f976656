import { Counter } from 'prom-client'
import { SECURITY_EVENT_TYPES } from '../postgres/security-event-types.js'
import type { MetricsOptions } from './sources.js'

/** The events of accounts (docs/events.md) that this instance wrote. */
export function measureSecurityEvents({ registry, db, onClose }: MetricsOptions): void {
  const events = new Counter({
    name: 'latchkey_security_events_total',
    help: 'Security events that this instance wrote, by type (docs/events.md).',
    labelNames: ['type'],
    registers: [registry],
  })
  for (const type of SECURITY_EVENT_TYPES) events.inc({ type }, 0)
  onClose(
    db.onSecurityEvents(added => {
      for (const { type } of added) events.inc({ type })
    }),
  )
}
