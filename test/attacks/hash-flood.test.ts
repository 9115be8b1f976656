import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createPasswordHasher } from '../../src/domain/passwords/password-hasher.js'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { LatchkeyError } from '../../src/lib/errors.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

t.test('of 200 concurrent sign-ins one hash runs at a time, and those over the queue are refused at once', async t => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 8 })
  const stored = await hasher.hash('correct horse')

  const finished: number[] = []
  const refusedMs: number[] = []
  const startedAt = performance.now()
  const cpuAtStart = process.cpuUsage()
  const flood = Array.from({ length: 200 }, async (_, index) => {
    try {
      t.equal(await hasher.verify(stored, index % 2 === 0 ? 'correct horse' : 'wrong horse'), index % 2 === 0)
      finished.push(index)
    } catch (error) {
      if (!(error instanceof LatchkeyError && error.code === 'busy')) throw error
      refusedMs.push(performance.now() - startedAt)
    }
  })
  t.equal(hasher.pending, 9)
  await Promise.all(flood)

  const wallMs = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuAtStart)
  t.same(finished, [0, 1, 2, 3, 4, 5, 6, 7, 8], 'the first nine ran, in their order')
  t.equal(refusedMs.length, 191)
  t.ok(Math.max(...refusedMs) < wallMs / 2, 'the others were refused at once')
  // Two hashes at a time would keep two cores busy; the margin is for this thread and the runtime's own.
  t.ok((cpu.user + cpu.system) / 1000 < wallMs * 1.5, 'no more than one core was busy')

  t.equal(hasher.pending, 0)
  t.equal(await hasher.verify(stored, 'correct horse'), true, 'a later login succeeds')
})

t.test('a full hash queue of unknown callers leaves as many places again for known ones, and no more', async t => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 2 })
  const stored = await hasher.hash('correct horse')
  const busy = { name: 'LatchkeyError', code: 'busy' }
  const outsiders = Array.from({ length: 3 }, () => hasher.verifyDummyHash('wrong horse'))
  await t.rejects(hasher.verify(stored, 'correct horse'), busy)
  await t.rejects(hasher.hash('another horse'), busy)
  const known = Array.from({ length: 2 }, () => hasher.verify(stored, 'correct horse', true))
  const replaced = hasher.hash('another horse', true)
  await t.rejects(hasher.verify(stored, 'correct horse', true), busy)
  t.same(await Promise.all(outsiders), [false, false, false])
  t.same(await Promise.all(known), [true, true])
  t.type(await replaced, 'string')
})

t.test('a flood of sign-ins does not block a known browser, a live session or a password reset', async t => {
  const { app } = await buildTestApp(t, { HASH_CONCURRENCY: '1', HASH_QUEUE: '3' }, { costlyHashes: true })
  const ada = await signUp(app)
  const signIn = (cookies: Record<string, string>, password: string) =>
    app.inject({ method: 'POST', url: '/auth/login', payload: { email: ada.email, password }, cookies })
  const { cookies } = await signIn({}, PASSWORD)
  const device = cookies.find(({ name }) => name === '__Host-latchkey-device')!

  let isOver = false
  const flood = Array.from({ length: 8 }, async () => {
    while (!isOver) await app.context.passwords.verifyDummyHash('wrong').catch(() => setImmediate())
  })
  try {
    t.equal((await signIn({ [device.name]: device.value }, PASSWORD)).statusCode, 200)
    const change = { current_password: PASSWORD, new_password: 'another good passphrase', transport: 'body' }
    const authorization = { authorization: `Bearer ${ada.accessToken}` }
    t.equal((await post(app, '/auth/change-password', change, authorization)).statusCode, 200)
    const { token } = await issuePasswordReset(app.context, ada.email, 'test')
    const reset = { token, new_password: 'a third good passphrase' }
    t.equal((await post(app, '/auth/reset-password', reset)).statusCode, 200)
  } finally {
    isOver = true
    await Promise.all(flood)
  }
})
