import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lchown, mkdir, readFile, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { runs } from '../../src/embedded-postgres/server-user.js'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start.js'
import { makeFolder, postgresOf } from '../support/servers/embedded-fixture.js'
import { quietLog } from '../support/servers/quiet-log.js'

const nobody = { uid: 65534, gid: 65534 }
const skip = await reasonToSkip()

async function reasonToSkip(): Promise<string | false> {
  if (process.platform !== 'linux') return 'the intruder reads /proc'
  if (process.getuid?.() !== 0) return 'only root can start the intruder as another user'
  return !(await runs(process.execPath, ['--version'], nobody)) && 'other users cannot run Node'
}

t.test('another local user cannot access an embedded Postgres that root started', { skip }, async t => {
  const folder = await makeFolder(t)
  const dataDir = join(folder, '.latchkey')
  const files = [
    ...['', '/postgres', '/postgres/password', '/postgres/data', '/postgres/data/pg_hba.conf', '/postgres/data/base'],
    ...['/postgres/data/postmaster.pid', '/postgres.log', '/latchkey.pid'],
  ].map(each => `${dataDir}${each}`)

  const atFirst = await intrude(t, nobody, files)
  const { url, stop } = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(stop)
  const beginning = await atFirst.end()
  const makers = beginning.seen.filter(each => each.startsWith('initdb as '))

  t.test('initdb run by root exposes nothing to another local user', async t => {
    t.ok(makers.length > 0, 'the process was observed')
    t.same(beginning.reached, [])
  })

  const server = await postgresOf(join(dataDir, 'postgres'))
  const memory = await sharedMemoryOf(server.pid)
  t.ok(memory.length > 0)
  // An earlier version let every user into the data folder itself; even then nothing below it is accessible.
  await chmod(dataDir, 0o711)
  const accounts = [nobody.uid, 1, ...makers.map(each => Number(each.split(' ').at(-1)))]
  for (const uid of new Set(accounts)) {
    t.test(`a running embedded Postgres exposes nothing to uid ${uid}`, async t => {
      const intruder = await intrude(t, { uid, gid: uid }, [...files, ...memory])
      const { seen, reached } = await intruder.end()
      t.match(seen.join(), /postgres as \d+/, 'the process was observed')
      t.same(reached, [])
    })
  }

  t.test('only its own user can access the System V shared memory of an embedded Postgres', async t => {
    const table = await readFile('/proc/sysvipc/shm', 'utf8')
    const mine = table.split('\n').map(line => line.trim().split(/\s+/))
    const [segment] = mine.filter(([, , , , creator]) => creator === String(server.pid))
    const uid = (await readFile(`/proc/${server.pid}/status`, 'utf8')).match(/^Uid:\t(\d+)/m)?.[1]
    t.match(segment, { 2: '600', 7: uid, 9: uid })
    t.not(uid, String(nobody.uid))
  })

  t.test('an embedded Postgres accepts only SCRAM passwords, and only from 127.0.0.1', async t => {
    t.not(new URL(url).password, '')
    const hba = await readFile(join(dataDir, 'postgres/data/pg_hba.conf'), 'utf8')
    t.match(hba, /^#.*\nhost all all 127\.0\.0\.1\/32 scram-sha-256\n$/)
  })
})

t.test('root refuses a data folder whose path contains a symbolic link of another user', { skip }, async t => {
  const folder = await makeFolder(t)
  const roots = join(folder, 'of-root')
  await mkdir(join(roots, 'data'), { recursive: true, mode: 0o755 })
  for (const [link, target, dataDir] of [
    ['link', roots, 'link'],
    ['above', roots, 'above/data'],
  ] as const) {
    await symlink(target, join(folder, link))
    await lchown(join(folder, link), nobody.uid, nobody.gid)
    const start = startEmbeddedPostgres({ dataDir: join(folder, dataDir), log: quietLog() })
    await t.rejects(start, new RegExp(`/${link} is a symbolic link of uid 65534, who can point it to any folder`))
  }
  for (const each of [roots, join(roots, 'data')]) t.equal((await stat(each)).mode & 0o777, 0o755, 'mode unchanged')
})

interface Findings {
  seen: string[]
  reached: string[]
}

/** Starts the intruder and resolves when it has begun to look for access. */
async function intrude(t: Test, user: { uid: number; gid: number }, files: readonly string[]) {
  const script = await readFile(fileURLToPath(new URL('./intruder.mjs', import.meta.url)), 'utf8')
  const args = ['--input-type=module', '-e', script, '--', String(process.pid), ...files]
  // tap adds a loader to the environment of every Node that is spawned; this user may be unable to read it.
  const child: ChildProcess = spawn('/usr/bin/env', ['-i', process.execPath, ...args], {
    cwd: '/',
    ...user,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout!)
  await once(lines, 'line')
  const findings = once(lines, 'line')
  return {
    end: async () => {
      child.stdin!.end()
      return JSON.parse(String((await findings)[0])) as Findings
    },
  }
}

/** The files of a process in /dev/shm. */
async function sharedMemoryOf(pid: number): Promise<string[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8')
  return [...new Set(maps.match(/\/dev\/shm\/\S+/g))]
}
