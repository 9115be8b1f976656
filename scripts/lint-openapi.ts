import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import spectralCore from '@stoplight/spectral-core'
import { spectralRules } from './spectral-rules.js'

// Checks docs/openapi.json with Redocly (redocly.yaml) and with Spectral (spectral-rules.ts). Warnings are failures too. Spectral
// is used as a library: its command brings many more packages.

const path = 'docs/openapi.json'
const problems = [...redoclyProblems(), ...(await spectralProblems())]
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1

function redoclyProblems(): string[] {
  const command = createRequire(import.meta.url).resolve('@redocly/cli/bin/cli.js')
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const { stdout, stderr } = spawnSync(process.execPath, [command, 'lint', path, '--format=json'], {
    env,
    encoding: 'utf8',
  })
  if (!stdout.startsWith('{')) return [`redocly: ${stderr}`]
  const report = JSON.parse(stdout) as {
    problems: { ruleId: string; message: string; location: { pointer?: string }[] }[]
  }
  return report.problems.map(
    ({ ruleId, message, location }) => `redocly ${ruleId} ${location[0]?.pointer ?? ''}: ${message}`,
  )
}

async function spectralProblems(): Promise<string[]> {
  const spectral = new spectralCore.Spectral()
  spectral.setRuleset(spectralRules)
  const results = await spectral.run(readFileSync(path, 'utf8'))
  return results.map(({ code, path, message }) => `spectral ${code} ${path.join('.')}: ${message}`)
}
