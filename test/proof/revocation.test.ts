import { RevocationList } from '@latchkey/verifier/core'
import t from 'tap'
import { ENTRIES, refusedBy, TOKENS } from './revocation/entries.js'
import { REVOCATION_BOUNDS, revocationModel } from './revocation/model.js'
import { LIMIT, WEAKNESSES } from './revocation/weaknesses.js'
import { search } from './search.js'

t.test('what a list refuses does not depend on the order of its entries, so the search may use sets', async t => {
  for (const order of orders(ENTRIES.map((_, place) => place))) {
    const list = new RevocationList()
    let told = 0
    for (const place of order) {
      for (const _ of 'twice') list.add(ENTRIES[place]!)
      told |= 1 << place
      const refused = TOKENS.reduce((set, token, at) => (list.refuses(token) ? set | (1 << at) : set), 0)
      if (refused !== refusedBy(told)) t.fail(`in the order ${order}`)
    }
  }
})

const { ci, ciJournal, ciStream } = REVOCATION_BOUNDS

for (const [name, bounds] of Object.entries({ ci, ciJournal, ciStream })) {
  t.test(`no revoked token is accepted after the bound in any order of events (${name})`, async t => {
    const { states, depth, seconds, exhausted, counterexample } = search(revocationModel(bounds))
    t.equal(counterexample, null)
    t.ok(exhausted)
    t.comment(`${states} states, ${depth} steps deep, ${seconds.toFixed(1)} s`)
  })
}

for (const { name, guards, bounds } of WEAKNESSES) {
  t.test(`the search finds a planted weakness: ${name}`, async t => {
    t.equal(search(revocationModel(bounds)).counterexample, null, 'with all guards it finds nothing')
    const { counterexample } = search(revocationModel(bounds, guards))
    t.ok(counterexample)
    t.comment([counterexample?.violation, ...(counterexample?.trace ?? [])].join('\n'))
  })
}

t.test(`the bound does not hold for ${LIMIT.name}`, async t => {
  const { counterexample } = search(revocationModel(LIMIT.bounds, LIMIT.guards))
  t.match(counterexample?.violation, /accepted longer/)
  t.match(counterexample?.trace.join('\n'), /is not published/)
})

function orders(places: readonly number[]): number[][] {
  if (places.length === 0) return [[]]
  return places.flatMap(first => orders(places.filter(place => place !== first)).map(rest => [first, ...rest]))
}
