import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findDebianProgram } from '../support/servers/debian-program.js'

const run = promisify(execFile)

export interface Checked {
  isFine: boolean
  output: string
}

/** Runs promtool, the checker of Prometheus, with Debian's package. */
export async function promtool(args: readonly string[], input = ''): Promise<Checked> {
  const { path, libraryPath } = await findDebianProgram('prometheus', 'usr/bin/prometheus')
  const program = path.replace(/prometheus$/, 'promtool')
  const running = run(program, args, {
    env: { ...process.env, ...(libraryPath && { LD_LIBRARY_PATH: libraryPath }) },
  })
  running.child.stdin?.end(input)
  return running.then(
    ({ stdout, stderr }) => ({ isFine: true, output: stdout + stderr }),
    (error: { stdout?: string; stderr?: string; message: string }) => ({
      isFine: false,
      output: `${error.stdout ?? ''}${error.stderr ?? ''}` || error.message,
    }),
  )
}
