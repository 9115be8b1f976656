/**
 * Starts the service with the command of the README, runs the commands in the README and the pages of docs/ against it,
 * and checks every answer.
 *
 *     npx tsx scripts/run-readme.ts [--at URL] [PAGE…]
 *
 * With `--at` it uses a running service. The exit code is 1 if a command failed or an answer differs from its page.
 */
import { readdir, readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readSteps, type Step } from './readme/read-steps.js'
import { runSteps, type StepResult } from './readme/run-steps.js'
import { startService } from './readme/start-service.js'

const { values, positionals } = parseArgs({ options: { at: { type: 'string' } }, allowPositionals: true })
const pages = await readPages(positionals.length > 0 ? positionals : await allPages())

if (values.at !== undefined) report(await runPages(values.at))
else {
  const service = await startService()
  try {
    report(await runPages(service.url, service.env))
  } finally {
    await service.stop()
  }
}

async function allPages(): Promise<string[]> {
  const names = (await readdir('docs')).filter(name => name.endsWith('.md')).sort()
  return ['README.md', ...names.map(name => `docs/${name}`)]
}

/** Skips pages without commands to run. At least one page must have some. */
async function readPages(paths: readonly string[]): Promise<{ page: string; steps: Step[] }[]> {
  const read = await Promise.all(paths.map(async page => ({ page, steps: readSteps(await readFile(page, 'utf8')) })))
  const withSteps = read.filter(({ steps }) => steps.length > 0)
  if (withSteps.length === 0) throw new Error(`There are no commands to run in ${paths.join(', ')}.`)
  return withSteps
}

async function runPages(service: string, env?: NodeJS.ProcessEnv): Promise<PageResult[]> {
  const results: PageResult[] = []
  for (const { page, steps } of pages) {
    console.log(`# ${page}`)
    for (const step of await runSteps(steps, service, env)) results.push({ ...step, page })
  }
  return results
}

interface PageResult extends StepResult {
  page: string
}

/** Prints TAP, with a summary like that of tap. */
function report(results: readonly PageResult[]): void {
  console.log(`1..${results.length}`)
  for (const [at, { page, step, problem }] of results.entries()) {
    const commands = step.commands.trim().split('\n')
    const title = `${page}:${step.line} ${commands.at(-1)}${step.expected ? ` → ${step.expected.status}` : ''}`
    console.log(`${problem === undefined ? 'ok' : 'not ok'} ${at + 1} - ${title}`)
    if (problem !== undefined) console.log(problem.trim().replaceAll(/^/gm, '  # '))
  }
  const fail = results.filter(({ problem }) => problem !== undefined).length
  const pass = results.length - fail
  console.log(`\n# { total: ${results.length}, pass: ${pass}${fail > 0 ? `, fail: ${fail}` : ''} }`)
  if (fail > 0) process.exitCode = 1
}
