import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { acquireProcessLock, identifyProcess, LockHeld } from '../../src/embedded-postgres/process-lock.js'

t.test('a process lock is held until it is released', async t => {
  const path = join(t.testdir(), 'lock')
  const lock = await acquireProcessLock(path)
  await t.rejects(acquireProcessLock(path), new LockHeld(process.pid))
  await lock.release()
  await t.resolves(acquireProcessLock(path))
})

t.test('of many concurrent attempts at a process lock, one succeeds', async t => {
  for (const stale of [false, true, true, true]) {
    const folder = t.testdir()
    const path = join(folder, 'lock')
    if (stale) await writeFile(path, JSON.stringify({ pid: await pidOfTheDead(), startedAt: '1' }))
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => acquireProcessLock(path)))
    t.equal(outcomes.filter(outcome => outcome.status === 'fulfilled').length, 1, `stale: ${stale}`)
    t.same(await readdir(folder), ['lock'])
  }
})

t.test('a process that was killed while it took over a process lock does not block the next one', async t => {
  const path = join(t.testdir({ 'lock.turn': {} }), 'lock')
  await writeFile(path, JSON.stringify({ pid: await pidOfTheDead(), startedAt: '1' }))
  await utimes(`${path}.turn`, 0, 0)
  await t.resolves(acquireProcessLock(path))
})

t.test('the process lock of a running process is not taken over', async t => {
  const path = join(t.testdir(), 'lock')
  const content = JSON.stringify(identifyProcess(process.ppid))
  await writeFile(path, content)
  await t.rejects(acquireProcessLock(path), new LockHeld(process.ppid))
  t.equal(await readFile(path, 'utf8'), content)
})

t.test('a process lock is taken over if its process has ended or its pid was reused', async t => {
  const leftovers = [
    { pid: await pidOfTheDead(), startedAt: '1' },
    { ...identifyProcess(process.ppid), startedAt: '1' },
    { pid: 'none' },
    null,
  ]
  for (const leftover of leftovers) {
    const path = join(t.testdir(), 'lock')
    await writeFile(path, JSON.stringify(leftover))
    await t.resolves(acquireProcessLock(path), JSON.stringify(leftover))
  }
})

t.test('releasing a process lock does not remove the lock of a later holder', async t => {
  const path = join(t.testdir(), 'lock')
  const lock = await acquireProcessLock(path)
  const later = JSON.stringify(identifyProcess(process.ppid))
  await writeFile(path, later)
  await lock.release()
  t.equal(await readFile(path, 'utf8'), later)
})

async function pidOfTheDead(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid!
}
