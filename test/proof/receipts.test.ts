import t from 'tap'
import { RECEIPT_BOUNDS, receiptModel } from './receipts/model.js'
import { RULES, RULES_OF_FAILOVERS, type Rules } from './receipts/rules.js'
import { search } from './search.js'

for (const [name, bounds] of Object.entries(RECEIPT_BOUNDS.ci))
  t.test(`no token is accepted after its receipt, in any order of events (${name})`, async t => {
    const { states, depth, seconds, exhausted, counterexample } = search(receiptModel(bounds))
    t.equal(counterexample, null)
    t.ok(exhausted)
    t.comment(`${states} states, ${depth} steps deep, ${seconds.toFixed(1)} s`)
  })

for (const rule of Object.keys(RULES) as (keyof Rules)[])
  t.test(`receipts depend on a rule: ${rule}`, async t => {
    const { failover, kills } = RECEIPT_BOUNDS.ci
    const bounds = RULES_OF_FAILOVERS.has(rule) ? failover : kills
    const { counterexample } = search(receiptModel(bounds, { [rule]: false }))
    t.ok(counterexample)
    t.comment([counterexample?.violation, ...(counterexample?.trace ?? [])].join('\n'))
  })
