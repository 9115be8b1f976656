import t from 'tap'
import { post } from '../support/people.js'
import { startInstances } from './instances.js'
import { printTable, runRow } from './run-row.js'

// Floods of bodies, headers and cookies are in test/attacks: they end at the door, whatever the stores do.
t.test('both instances are flooded with sign-ins', async t => {
  const instances = await startInstances(t, { env: { HASH_CONCURRENCY: '1', HASH_QUEUE: '32' } })
  const answers: Record<string, number> = {}
  let over = false
  let flood: Promise<unknown> = Promise.resolve()
  const begin = () => {
    const attackers = Array.from({ length: 120 }, async (_, number) => {
      const { app } = number % 2 === 0 ? instances.a : instances.b
      while (!over) {
        const attempt = { email: `nobody-${number}@example.com`, password: 'a guess among many' }
        const response = await post(app, '/auth/login', attempt)
        const { code } = response.json()
        answers[code] = (answers[code] ?? 0) + 1
        if (response.statusCode === 503 && response.headers['retry-after'] === undefined)
          t.fail('busy, and not until when')
        // An attacker has the network between his requests; these have nothing.
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    })
    flood = Promise.all(attackers)
  }
  const end = async () => {
    over = true
    await flood
  }
  const expect = { login: [200, 503] }
  await runRow(t, { lastsMs: 3000, fault: t.name, instances, begin, end, expect, worstMs: 10_000 })
  t.comment(JSON.stringify(answers))
  t.strictSame(Object.keys(answers).sort(), ['busy', 'invalid_credentials'], 'every attempt is hashed or put off')
})

t.test('the table', async t => printTable(t))
