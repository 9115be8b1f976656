import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import spectralCore from '@stoplight/spectral-core'
import { describeApi } from './describe-api.js'
import { spectralRules } from './spectral-rules.js'

// Checks the description of the API with Redocly (redocly.yaml) and with Spectral (spectral-rules.ts). Warnings are failures
// too. It contains docs/openapi.json, and the dialects that are off by default. Spectral is used as a library: its command
// brings many more packages.

const document = JSON.stringify(await describeApi({ DIALECTS: 'simple-jwt,sessions,envelope' }))
const folder = mkdtempSync(join(tmpdir(), 'latchkey-openapi-'))
const path = join(folder, 'openapi.json')
writeFileSync(path, document)
const problems = [...redoclyProblems(), ...(await spectralProblems())]
rmSync(folder, { recursive: true })
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1

function redoclyProblems(): string[] {
  const command = createRequire(import.meta.url).resolve('@redocly/cli/bin/cli.js')
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [command, 'lint', path, '--config=redocly.yaml', '--format=json'],
    {
      env,
      encoding: 'utf8',
    },
  )
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
  const results = await spectral.run(document)
  return results.map(({ code, path, message }) => `spectral ${code} ${path.join('.')}: ${message}`)
}
