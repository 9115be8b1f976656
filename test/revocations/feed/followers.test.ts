import type { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { newId } from '../../../src/lib/ids.js'
import { Follower } from '../../../src/revocations/feed/follower.js'
import { Followers } from '../../../src/revocations/feed/followers.js'
import { FrameLog } from '../../../src/revocations/feed/frame-log.js'
import { until } from '../../support/eventually.js'
import { quietLog } from '../../support/servers/quiet-log.js'

const HOUR_MS = 3_600_000

/** A response whose client reads, or does not. */
class Response extends EventEmitter {
  text = ''
  isStuck = false
  state = 'open'
  write(bytes: Buffer | string): boolean {
    this.text += bytes.toString()
    return !this.isStuck
  }
  end(): void {
    this.state = 'ended'
  }
  destroy(): void {
    this.state = 'destroyed'
    this.emit('close')
  }
  drain(): void {
    this.isStuck = false
    this.emit('drain')
  }
}

function open(limits = { stallMs: 1000, lagBytes: 1000 }) {
  const frames = new FrameLog()
  const log = quietLog()
  const followers = new Followers(log, limits)
  const responses: Response[] = []
  const add = (
    verifierId?: string,
    endsAtMs = performance.now() + HOUR_MS,
    completeSinceMs = Number.NEGATIVE_INFINITY,
  ) => {
    const response = new Response()
    responses.push(response)
    const end = { heartbeat: 'first heartbeat\n\n', readAtMs: 0, after: frames.last }
    const follower: Follower<{ clientId: string }> = new Follower({
      connectionId: newId(),
      client: { clientId: 'c' },
      verifierId,
      maxStalenessSeconds: 60,
      completeSinceMs,
      endsAtMs,
      response,
      frames,
      catchUp: { next: () => undefined, end, close() {} },
      lastPosition: () => ({ heartbeat: 'last heartbeat\n\n', readAtMs: 100 }),
      onWritable: () => followers.pump(follower),
      onList: () => followers.endPrevious(follower),
      onClose: () => followers.remove(follower),
    })
    followers.add(follower)
    return { follower, response }
  }
  const say = async (text: string) => {
    frames.addHeartbeat(text)
    followers.pumpAll('news')
    const reading = responses.filter(({ isStuck, state }) => !isStuck && state === 'open')
    await until(() => reading.every(response => response.text.endsWith(text)))
    await turn()
  }
  return { frames, log, followers, add, say }
}

t.test('a verifier that shares an earlier snapshot gets the last position at the end, and no earlier one', async t => {
  const { frames, add } = open()
  const { frames: others, add: addOther } = open()
  const [registered, late] = [add('a', undefined, 50), addOther('b', undefined, 150)]
  for (const log of [frames, others]) {
    log.addHeartbeat('earlier heartbeat\n\n', 49)
    log.addHeartbeat('an entry;')
  }
  await until(() => registered.response.text.endsWith('last heartbeat\n\n'))
  t.match(registered.response.text, /an entry;last heartbeat\n\n$/)
  await until(() => late.response.text.endsWith('an entry;'))
  await turn()
  t.notMatch([registered.response.text, late.response.text].join(), /(first|earlier) heartbeat/)
  t.match(late.response.text, /an entry;$/, 'the journal was not read since the registration')
})

t.test('a follower that does not read gets nothing more to hold, and continues where it was', async t => {
  const { add, say } = open()
  const [slow, other] = [add(), add()]
  await say('one;')
  slow.response.isStuck = true
  await say('two;')
  await say('three;')
  await say('four;')
  t.match(slow.response.text, /first heartbeat\n\none;two;$/, 'only what filled it')
  t.match(other.response.text, /one;two;three;four;$/)
  slow.response.drain()
  await until(() => slow.response.text.endsWith('four;'))
  t.match(slow.response.text, /heartbeat\n\none;two;three;four;$/, 'nothing is missing and nothing twice')
})

t.test(
  'a follower that reads nothing for too long is disconnected, with one line a minute for all of them',
  async t => {
    const { followers, add, say, log } = open()
    const stuck = Array.from({ length: 5 }, () => add())
    const fine = add()
    await say('one;')
    for (const { response } of stuck) response.isStuck = true
    await say('two;')
    const nowMs = performance.now()
    followers.tidy(nowMs + 500)
    t.equal(followers.size, 6)
    followers.tidy(nowMs + 2000)
    t.ok(stuck.every(({ response }) => response.state === 'destroyed'))
    t.equal(fine.response.state, 'open')
    t.equal(followers.size, 1)
    t.equal(followers.slowCount, 5)
    const late = add()
    await say('three;')
    late.response.isStuck = true
    await say('four;')
    followers.tidy(nowMs + 4000)
    followers.tidy(nowMs + 30_000)
    t.strictSame(log.lines, [
      'warn: 5 followers of the revocation feed were disconnected, because they read too slowly',
    ])
    followers.tidy(nowMs + 70_000)
    t.equal(log.lines.length, 2)
    t.match(log.lines[1], /^warn: 1 follower .* was disconnected/)
  },
)

t.test('a follower that reads, but much less than there is, is disconnected', async t => {
  const { followers, add, say } = open({ stallMs: 1_000_000, lagBytes: 1000 })
  const { response } = add()
  await say('x')
  response.isStuck = true
  for (let n = 0; n < 10; n++) await say('x'.repeat(99))
  followers.tidy(performance.now())
  t.equal(response.state, 'open')
  await say('x'.repeat(200))
  followers.tidy(performance.now())
  t.equal(response.state, 'destroyed')
})

t.test('each follower is told to wait longer when there are many more of them', async t => {
  const { followers, add } = open()
  const first = add()
  const retries = () => [...first.response.text.matchAll(/^retry: (\d+)$/gm)].map(([, ms]) => Number(ms))
  t.equal(retries().length, 1)
  t.ok(retries()[0]! <= 2000)
  for (let n = 0; n < 100; n++) add()
  followers.tidy(performance.now())
  t.equal(retries().length, 1, 'as long as it makes no difference')
  for (let n = 0; n < 1000; n++) add()
  followers.tidy(performance.now())
  t.equal(retries().length, 2)
  t.ok(retries()[1]! > 1000)
})

t.test('a connection is asked to be replaced before it ends', async t => {
  const { followers, add } = open()
  const nowMs = performance.now()
  const { response } = add(undefined, nowMs + 60_000)
  followers.tidy(nowMs + 57_000)
  t.notMatch(response.text, /event: reconnect/)
  followers.tidy(nowMs + 58_500)
  followers.tidy(nowMs + 59_000)
  t.equal(response.text.match(/event: reconnect\ndata: \{"within_ms":2000\}\n\n/g)?.length, 1)
  t.equal(response.state, 'open')
  followers.tidy(nowMs + 60_001)
  t.equal(response.state, 'ended')
  t.equal(followers.size, 0)
})

t.test('a verifier has one connection as soon as its list is complete over the newest one', async t => {
  const { frames, followers, add } = open()
  const [first, other] = [add('v1'), add('v2')]
  const second = add('v1', undefined, 150)
  await until(() => first.response.text.includes('first heartbeat'))
  frames.addHeartbeat('entry;')
  followers.pumpAll('news')
  await until(() => [first, second].every(({ response }) => response.text.endsWith('entry;')))
  t.equal(first.response.state, 'open', 'the list of the second one is not complete')
  t.equal(followers.verifierCount, 2)
  frames.addHeartbeat('heartbeat with a position;', 200)
  followers.pumpAll('heartbeat')
  await until(() => first.response.state === 'ended')
  t.match(second.response.text, /heartbeat with a position;$/)
  t.strictSame([other.response.state, second.response.state], ['open', 'open'])
  t.equal(followers.verifierCount, 2)
  first.response.destroy()
  t.equal(followers.verifierCount, 2)
  second.response.destroy()
  t.equal(followers.verifierCount, 1)
})

t.test('a connection that brought no list leaves the one before, which the next one replaces', async t => {
  const { followers, add } = open()
  const first = add('v1')
  const [second, third] = [add('v1', undefined, 150), add('v1', undefined, 150)]
  third.response.destroy()
  second.response.destroy()
  await turn()
  t.equal(first.response.state, 'open')
  t.equal(followers.verifierCount, 1)
  const fourth = add('v1')
  await until(() => first.response.state === 'ended')
  t.equal(fourth.response.state, 'open')
})

t.test('one that comes back several times is left with the newest connection only', async t => {
  const { add } = open()
  const [first, second] = [add('v1', undefined, 150), add('v1', undefined, 150)]
  const third = add('v1')
  await until(() => [first, second].every(({ response }) => response.state === 'ended'))
  t.equal(third.response.state, 'open')
})

t.test('followers are asked for another connection in half of the time for which they are served', async t => {
  const { followers, add } = open()
  const aged = add('v1', performance.now() + 1000)
  followers.tidy(performance.now())
  t.match(aged.response.text, /retry: \d+\n\nevent: reconnect\ndata: {"within_ms":2000}/)
  followers.tidy(performance.now() + 250)
  t.equal(aged.response.text.split('event: reconnect').length, 2, 'once')
  const young = add('v2')
  followers.sendReconnect(800)
  for (const { response } of [aged, young]) t.match(response.text, /event: reconnect\ndata: {"within_ms":400}\n\n$/)
  followers.sendReconnect(60_000)
  t.equal(young.response.text.split('event: reconnect').length, 2, 'a later end changes nothing')
  const last = add('v3')
  followers.sendReconnect(0)
  t.notMatch(last.response.text, /reconnect/)
})
