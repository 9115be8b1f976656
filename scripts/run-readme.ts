/**
 * Starts the service with the README's own command, takes the README's walk through it, and checks that every answer is
 * what the page says.
 *
 *     npx tsx scripts/run-readme.ts [--at URL] [PAGE]
 *
 * With `--at` the walk goes to a service that runs already. Exits 1 unless everything went as the page says.
 */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readWalk } from './readme/read-walk.js'
import { startService } from './readme/start-service.js'
import { type TakenStep, takeWalk } from './readme/take-walk.js'

const { values, positionals } = parseArgs({ options: { at: { type: 'string' } }, allowPositionals: true })
const page = positionals[0] ?? 'README.md'
const steps = readWalk(await readFile(page, 'utf8'))
if (steps.length === 0) throw new Error(`There is no walk in ${page}.`)

if (values.at !== undefined) report(await takeWalk(steps, values.at))
else {
  const service = await startService()
  try {
    report(await takeWalk(steps, service.url))
  } finally {
    await service.stop()
  }
}

/** In the form of TAP, with a last line that tap has too. */
function report(taken: readonly TakenStep[]): void {
  console.log(`1..${taken.length}`)
  for (const [at, { step, problem }] of taken.entries()) {
    const commands = step.commands.trim().split('\n')
    const title = `${page}:${step.line} ${commands.at(-1)}${step.expected ? ` → ${step.expected.status}` : ''}`
    console.log(`${problem === undefined ? 'ok' : 'not ok'} ${at + 1} - ${title}`)
    if (problem !== undefined) console.log(problem.trim().replaceAll(/^/gm, '  # '))
  }
  const fail = taken.filter(({ problem }) => problem !== undefined).length
  const pass = taken.length - fail
  console.log(`\n# { total: ${taken.length}, pass: ${pass}${fail > 0 ? `, fail: ${fail}` : ''} }`)
  if (fail > 0) process.exitCode = 1
}
