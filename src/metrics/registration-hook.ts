import { Counter } from 'prom-client'
import { HOOK_FAILURES, registrationHookAnswers } from '../lib/measurements.js'
import type { MetricsOptions } from './sources.js'

/** The answers of the server that decides about registrations (docs/claims.md). */
export function measureRegistrationHook({ registry, config, onClose }: MetricsOptions): void {
  const answers = new Counter({
    name: 'latchkey_registration_hook_answers_total',
    help: 'Registrations about which this instance asked REGISTRATION_HOOK_URL, by what it answered.',
    labelNames: ['outcome', 'reason'],
    registers: [registry],
  })
  if (config.registrationHook.url !== undefined) {
    for (const outcome of ['allowed', 'refused']) answers.inc({ outcome, reason: 'decided' }, 0)
    for (const reason of HOOK_FAILURES) answers.inc({ outcome: 'failed', reason }, 0)
  }
  onClose(registrationHookAnswers.listen(answer => answers.inc({ ...answer })))
}
