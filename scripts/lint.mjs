import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

// `npm run lint`: every check, as many at the same time as there are cores. What failed is printed last.

const CHECKS = [
  // The longest first.
  'tsc --incremental --tsBuildInfoFile node_modules/.cache/tsc/lint.tsbuildinfo',
  'biome check --error-on-warnings',
  'tsx scripts/lint-openapi.ts',
  'depcruise src packages --config .dependency-cruiser.cjs',
  'tsx scripts/openapi-document.ts --check',
  'tsc -p src/account-page',
  'tsx scripts/postman.ts --check',
  'tsx scripts/configuration-docs.ts --check',
  'tsx scripts/include-code.ts --check',
  'tsx scripts/error-docs.ts --check',
  'tsx scripts/client-size.ts',
]

const waiting = [...CHECKS]
const failures = []
await Promise.all(Array.from({ length: availableParallelism() }, runChecks))
if (failures.length > 0) {
  console.error(failures.join('\n'))
  process.exitCode = 1
}

async function runChecks() {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const { status, output } = await run(check)
    if (status === 0) console.log(`passed: ${check}\n${output}`.trimEnd())
    else failures.push(`FAILED: ${check}\n${output}`.trimEnd())
  }
}

/** Runs a program of a package; `npm run` puts these on the PATH. */
function run(check) {
  const [program, ...args] = check.split(' ')
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', status => resolve({ status, output }))
  })
}
