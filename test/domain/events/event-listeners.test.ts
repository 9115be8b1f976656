import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createEventListeners } from '../../../src/domain/events/event-listeners.js'
import type { AddedEvent } from '../../../src/postgres/security-events.js'
import { until } from '../../support/eventually.js'
import { quietLog } from '../../support/servers/quiet-log.js'

function event(id: string): AddedEvent {
  return { id, at: new Date(), type: 'signed_in', actor: 'user' }
}

t.test('a listener receives events later, in order, one at a time', async t => {
  const listeners = createEventListeners(quietLog())
  const seen: string[] = []
  let inProgress = 0
  listeners.add(async ({ id }) => {
    t.equal(++inProgress, 1)
    await sleep(1)
    seen.push(id)
    inProgress--
  })
  listeners.announce([event('a'), event('b')])
  listeners.announce([event('c')])
  t.strictSame(seen, [], 'nothing is delivered before the caller continues')
  await listeners.close()
  t.strictSame(seen, ['a', 'b', 'c'], 'closing waits for the listener')
})

t.test('a listener that throws gets the next event, and the failure is logged once', async t => {
  const log = quietLog()
  const listeners = createEventListeners(log)
  const seen: string[] = []
  listeners.add(({ id }) => {
    seen.push(id)
    if (id !== 'c') throw new Error('no mail server')
  })
  listeners.announce([event('a'), event('b'), event('c')])
  await listeners.close()
  t.strictSame(seen, ['a', 'b', 'c'])
  t.match(log.lines, [/^error: Could not deliver security events to listener 1: no mail server$/, /^info: Works again/])
  t.equal(log.lines.length, 2)
})

t.test('a listener that never finishes delays no other listener, and gets the next event', async t => {
  const log = quietLog()
  const listeners = createEventListeners(log, { timeoutMs: 20 })
  const stuck: string[] = []
  const other: string[] = []
  listeners.add(({ id }) => {
    stuck.push(id)
    return new Promise(() => {})
  })
  listeners.add(({ id }) => other.push(id))
  listeners.announce([event('a'), event('b')])
  await until(() => other.length === 2)
  await until(() => stuck.length === 2)
  await listeners.close()
  t.match(log.lines, [/it did not finish within 20 ms/])
})

t.test('events beyond the limit are dropped, and this is logged', async t => {
  const log = quietLog()
  const listeners = createEventListeners(log, { queueLimit: 2 })
  const seen: string[] = []
  listeners.add(({ id }) => seen.push(id))
  listeners.announce([event('a'), event('b'), event('c')])
  await listeners.close()
  t.strictSame(seen, ['a', 'b'])
  t.match(log.lines[0], /more than 2 events wait for a listener/)
})

t.test('closing does not wait for a listener without limit', async t => {
  const log = quietLog()
  const listeners = createEventListeners(log, { closeTimeoutMs: 20 })
  listeners.add(() => new Promise(() => {}))
  listeners.announce([event('a')])
  await listeners.close()
  t.match(log.lines, [/Some security events were not delivered/])
})

t.test('a removed listener receives nothing more', async t => {
  const listeners = createEventListeners(quietLog())
  const seen: string[] = []
  const remove = listeners.add(({ id }) => seen.push(id))
  listeners.announce([event('a')])
  remove()
  listeners.announce([event('b')])
  await sleep(10)
  t.strictSame(seen, [])
})
