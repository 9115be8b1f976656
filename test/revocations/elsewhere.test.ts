import t from 'tap'
import type { Runner } from '../../src/db/connections.js'
import { journalRepository } from '../../src/db/journal.js'
import { JournalFollower, type JournalPage } from '../../src/revocations/journal-follower.js'
import { quietLog } from '../support/servers/quiet-log.js'

// A connection may lead to another server than the one before: a name that was pointed elsewhere, a proxy in between.

function page(serverStart: string, isStandby = false): JournalPage {
  return { entries: [], position: { serverStart, xid: '7' }, isStandby }
}

t.test('a standby is not believed, also when a new primary has just answered', async t => {
  const answers = [page('1'), page('2'), page('3', true)]
  const answer = async () => answers.shift()!
  const taken: JournalPage[] = []
  const log = quietLog()
  const follower = new JournalFollower({
    journal: { readAll: answer, readSince: answer },
    log,
    onPage: page => void taken.push(page),
    onOtherServer: () => t.fail('what a standby lacks is not lost'),
  })
  await follower.start()
  await follower.readNow()
  await follower.stop()
  t.strictSame(taken, [page('1')])
  t.match(log.lines, [/Postgres is a standby/])
})

t.test('a page of the journal whose statements were answered by two servers is no page', async t => {
  const row = (serverStart: string) => ({
    cursor: '7',
    serverStart,
    isStandby: false,
    clockMs: '0',
    entry: {
      id: 1,
      kind: 'session',
      subject: 's',
      boundVersion: null,
      boundAt: null,
      reason: 'logout',
      expiresAt: null,
    },
  })
  const full = Array.from({ length: 1000 }, () => row('1'))
  const readFrom = (...answers: unknown[][]) => {
    // Two servers in the middle of one read are not to be had otherwise.
    const runner = { run: async () => answers.shift() } as unknown as Runner
    return journalRepository(runner).readAll()
  }
  t.equal((await readFrom(full, [row('1')])).entries.length, 1001)
  await t.rejects(readFrom(full, [row('2')]), { message: 'another server answered meanwhile' })
})
