import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

// A program of another account on the same machine. It tries what the system lets one program do to another, again and
// again until its input ends, and then says in a line of JSON which programs it saw, as which uid, and what it reached.
// It is plain JavaScript, as it is handed over as text: the checkout may be closed to the account that it runs as.
//
// Its arguments: the pid of the service, and files to get at.
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
    // A process that is ending has no memory any more, and answers with nothing instead of refusing.
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
    // Refused, or gone meanwhile.
  }
}
