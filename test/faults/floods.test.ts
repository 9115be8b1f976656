import t from 'tap'
import { post } from '../support/people.js'
import { startInstances } from './instances.js'
import { printTable, runRow } from './run-row.js'

// Floods of bodies, headers and cookies are in test/attacks: they are rejected before a store is used.
t.test('in a flood of sign-ins each is hashed or answered 503, and other requests work', async t => {
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
          t.fail('a 503 without Retry-After')
        // The network slows the requests of an attacker down; here there is none.
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
  await runRow(t, {
    lastsMs: 3000,
    fault: 'a flood of sign-ins at both',
    instances,
    begin,
    end,
    expect,
    worstMs: 10_000,
  })
  t.comment(JSON.stringify(answers))
  t.strictSame(Object.keys(answers).sort(), ['busy', 'invalid_credentials'], 'every attempt is hashed or answered 503')
})

t.test('what each endpoint answered during the flood is printed as a table', async t => printTable(t))
