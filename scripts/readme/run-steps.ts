import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Step } from './read-steps.js'

export interface StepResult {
  step: Step
  /** Undefined if the commands ran and the answer was as expected. */
  problem: string | undefined
}

/** Makes curl print the status of every request to stderr, where the commands of a page do not read it. */
const CURLRC = String.raw`
silent
show-error
write-out = "%{stderr}→ %{http_code}\n"
`

/**
 * Runs the steps one after the other in one bash, as a reader would.
 *
 * @param service - its address, in `LATCHKEY` for the commands
 * @param env - with it, the commands of latchkey find the stores of the service; `LATCHKEY_HOME` is the checkout
 */
export async function runSteps(
  steps: readonly Step[],
  service: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<StepResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-readme-'))
  try {
    await writeFile(join(folder, '.curlrc'), CURLRC)
    await writeFile(join(folder, 'steps.sh'), script(steps))
    const bash = spawn('bash', ['steps.sh'], {
      cwd: folder,
      env: { ...env, LATCHKEY: service, LATCHKEY_HOME: process.cwd(), CURL_HOME: folder, TMPDIR: folder },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    await once(bash, 'close')
    return await Promise.all(
      steps.map(async (step, at) => ({ step, problem: await judge(step, join(folder, `${at}`)) })),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function script(steps: readonly Step[]): string {
  const runs = steps.map(({ commands }, at) => `{\n${commands}\n} >${at}.out 2>${at}.err\n: >${at}.done\n`)
  return ['set -euo pipefail', ...runs].join('\n')
}

async function judge({ expected }: Step, path: string): Promise<string | undefined> {
  const [done, out, err] = await Promise.all(['done', 'out', 'err'].map(part => read(`${path}.${part}`)))
  if (err === undefined) return 'was not reached'
  if (done === undefined) return `the commands failed: ${[out, err].join('\n').trim()}`

  const statuses = [...err.matchAll(/^→ (\d{3})$/gm)].map(match => Number(match[1]))
  if (!expected) return statuses.length === 0 ? undefined : 'the page does not say what this request answers'
  if (statuses.length !== 1) return `an expectation is for one request, not ${statuses.length}`
  if (statuses[0] !== expected.status) return `expected ${expected.status}, got ${statuses[0]}: ${out}`
  if (expected.answer !== '' && !pattern(expected.answer).test(out!.trim()))
    return `expected the answer ${expected.answer}, got: ${out}`
  return undefined
}

/** Case is ignored, as in the names of headers. */
function pattern(answer: string): RegExp {
  const parts = answer.split('…').map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('[^]*')}$`, 'i')
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
