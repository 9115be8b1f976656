import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

// A program of another user on the same machine. Until its input ends, it repeats everything that the system may let one
// program do to another. Then it writes a line of JSON: the programs it saw, with their uids, and what it could access.
// It is plain JavaScript because it is passed as text: its user may be unable to read the checkout.
//
// Its arguments: the pid of the service, and the files to try.
const [service, ...files] = process.argv.slice(1)
const seen = new Set()
const reached = new Set()

let isOver = false
process.stdin.on('end', () => (isOver = true)).resume()
process.stdout.write('ready\n')

function lookAround() {
  for (const { pid, name } of programsBelow(Number(service))) {
    if (pid === process.pid) continue
    attempt(() => seen.add(`${name} as ${statSync(`/proc/${pid}`).uid}`))
    // A process that is ending has no memory left, and its files are empty instead of refused.
    const reach = (what, act) => attempt(() => act() && hasMemory(pid) && reached.add(`${what} of ${name}`))
    reach('a signal', () => process.kill(pid, 0))
    for (const link of ['cwd', 'root', 'exe']) reach(link, () => readlinkSync(`/proc/${pid}/${link}`))
    for (const folder of ['cwd', 'fd', 'map_files'])
      reach(`what is in ${folder}`, () => readdirSync(`/proc/${pid}/${folder}`))
    for (const file of ['environ', 'maps', 'auxv', 'stack']) reach(file, () => readFileSync(`/proc/${pid}/${file}`))
    for (const file of ['mem', 'oom_score_adj', 'clear_refs'])
      reach(`writing ${file}`, () => canOpen(`/proc/${pid}/${file}`, 'r+'))
  }
  for (const file of files) {
    attempt(() => canOpen(file, 'r') && reached.add(`reading ${file}`))
    attempt(() => canOpen(file, 'r+') && reached.add(`writing ${file}`))
    attempt(() => readdirSync(file) && reached.add(`listing ${file}`))
  }
  if (!isOver) return setImmediate(lookAround)
  process.stdout.write(`${JSON.stringify({ seen: [...seen].sort(), reached: [...reached].sort() })}\n`)
}
lookAround()

function programsBelow(ancestor) {
  const parents = new Map()
  const names = new Map()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    attempt(() => {
      const [, name, parent] = readFileSync(`/proc/${entry}/stat`, 'latin1').match(/\((.*)\) \S (\d+) /s)
      parents.set(Number(entry), Number(parent))
      names.set(Number(entry), name)
    })
  }
  const isBelow = pid => pid === ancestor || (parents.has(pid) && isBelow(parents.get(pid)))
  return [...names].map(([pid, name]) => ({ pid, name })).filter(({ pid }) => isBelow(pid))
}

function hasMemory(pid) {
  return !readFileSync(`/proc/${pid}/statm`, 'latin1').startsWith('0 ')
}

function canOpen(path, flags) {
  closeSync(openSync(path, flags))
  return true
}

function attempt(act) {
  try {
    act()
  } catch {
    // Refused, or the process has ended.
  }
}
