import t from 'tap'
import { journalRepository } from '../../src/postgres/journal.js'
import type { Runner } from '../../src/postgres/pool/connections.js'
import { JournalFollower, type JournalPage } from '../../src/revocations/journal-follower.js'
import { quietLog } from '../support/servers/quiet-log.js'

// A connection can lead to another server than the previous one: a changed DNS name, or a proxy.

function page(serverStart: string, isStandby = false): JournalPage {
  return { entries: [], places: [], position: { serverStart, xid: '7' }, snapshot: '7:7:', isStandby }
}

t.test('journal pages of a standby are ignored, even right after a new primary answered', async t => {
  const answers = [page('1'), page('2'), page('3', true)]
  const answer = async () => answers.shift()!
  const taken: JournalPage[] = []
  const log = quietLog()
  const follower = new JournalFollower({
    journal: { readAll: answer, readSince: answer },
    log,
    onPage: page => void taken.push(page),
    onOtherServer: () => t.fail('an entry that a standby lacks is not lost'),
  })
  await follower.start()
  await follower.readNow()
  await follower.stop()
  t.strictSame(taken, [page('1')])
  t.match(log.lines, [/Postgres is a standby/])
})

t.test('reading the journal fails if two servers answered parts of one read', async t => {
  const row = (serverStart: string, count: number) => {
    const entry = [1, '7', 'session', 's', null, null, null, 'logout', null]
    const entries = JSON.stringify(Array.from({ length: count }, () => entry))
    return [{ cursor: '7', snapshot: '7:7:', serverStart, isStandby: false, clockMs: '0', entries }]
  }
  const readFrom = (...answers: unknown[][]) => {
    // There is no other way to get two servers within one read.
    const runner = { run: async () => answers.shift() } as unknown as Runner
    return journalRepository(runner).readAll()
  }
  t.equal((await readFrom(row('1', 1000), row('1', 1))).entries.length, 1001)
  await t.rejects(readFrom(row('1', 1000), row('2', 1)), { message: 'another server answered meanwhile' })
})
