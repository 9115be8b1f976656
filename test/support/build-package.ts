import { execFile } from 'node:child_process'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../..')

/**
 * Builds the service in a folder as `npm run build` and `npm pack` do, without type checks: `npm run lint` does those.
 * Its node_modules contains the packages of this repository, as in the packed service.
 */
export async function buildService(folder: string): Promise<void> {
  const verifier = join(folder, 'node_modules/@latchkey/verifier')
  await mkdir(verifier, { recursive: true })
  await Promise.all([compile('.', folder), compile('packages/verifier', verifier)])
  for (const name of ['package.json', 'drizzle']) await cp(join(root, name), join(folder, name), { recursive: true })
  await cp(join(root, 'packages/verifier/package.json'), join(verifier, 'package.json'))
  const parser = 'node_modules/eventsource-parser'
  await symlink(join(root, parser), join(folder, parser))
}

async function compile(project: string, folder: string): Promise<void> {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const output = ['--outDir', join(folder, 'dist'), '--incremental', 'false', '--tsBuildInfoFile', 'null', '--noCheck']
  const args = [tsc, '-p', join(root, project, 'tsconfig.build.json'), ...output]
  await promisify(execFile)(process.execPath, args)
}
