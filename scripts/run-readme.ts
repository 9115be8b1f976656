/**
 * Starts the service with the README's own command, takes the walks of the README and the pages of docs/ through it, and
 * checks that every answer is what the page says.
 *
 *     npx tsx scripts/run-readme.ts [--at URL] [PAGE…]
 *
 * With `--at` the walks go to a service that runs already. Exits 1 unless everything went as the pages say.
 */
import { readdir, readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readWalk, type Step } from './readme/read-walk.js'
import { startService } from './readme/start-service.js'
import { type TakenStep, takeWalk } from './readme/take-walk.js'

const { values, positionals } = parseArgs({ options: { at: { type: 'string' } }, allowPositionals: true })
const walks = await readWalks(positionals.length > 0 ? positionals : await allPages())

if (values.at !== undefined) report(await takeWalks(values.at))
else {
  const service = await startService()
  try {
    report(await takeWalks(service.url, service.env))
  } finally {
    await service.stop()
  }
}

async function allPages(): Promise<string[]> {
  const pages = (await readdir('docs')).filter(name => name.endsWith('.md')).sort()
  return ['README.md', ...pages.map(name => `docs/${name}`)]
}

/** Pages without a walk are passed over, unless none has one. */
async function readWalks(pages: readonly string[]): Promise<{ page: string; steps: Step[] }[]> {
  const read = await Promise.all(pages.map(async page => ({ page, steps: readWalk(await readFile(page, 'utf8')) })))
  const walks = read.filter(({ steps }) => steps.length > 0)
  if (walks.length === 0) throw new Error(`There is no walk in ${pages.join(', ')}.`)
  return walks
}

async function takeWalks(service: string, env?: NodeJS.ProcessEnv): Promise<TakenWalkStep[]> {
  const taken: TakenWalkStep[] = []
  for (const { page, steps } of walks) {
    console.log(`# ${page}`)
    for (const step of await takeWalk(steps, service, env)) taken.push({ ...step, page })
  }
  return taken
}

interface TakenWalkStep extends TakenStep {
  page: string
}

/** In the form of TAP, with a last line that tap has too. */
function report(taken: readonly TakenWalkStep[]): void {
  console.log(`1..${taken.length}`)
  for (const [at, { page, step, problem }] of taken.entries()) {
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
