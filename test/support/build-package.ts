import { execFile } from 'node:child_process'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import tap from 'tap'
import { makeFolder } from './servers/embedded-fixture.js'

const root = resolve(import.meta.dirname, '../..')

/**
 * Builds the service in a folder as `npm run build` and `npm pack` do, without type checks: `npm run lint` does those.
 * Its node_modules contains the packages of this repository, as in the packed service.
 */
export async function buildService(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await Promise.all([compile('.', folder), installVerifier(folder), bundlePage(folder)])
  for (const name of ['package.json', 'drizzle']) await cp(join(root, name), join(folder, name), { recursive: true })
}

/**
 * Builds `@latchkey/verifier` and puts it into the node_modules of a folder, with what it needs, as `npm install` does.
 * Other packages are links to those of this repository.
 */
export async function installVerifier(folder: string, others: readonly string[] = []): Promise<void> {
  const modules = join(folder, 'node_modules')
  const verifier = join(modules, '@latchkey/verifier')
  await cp(await buildVerifierOnce(), verifier, { recursive: true })
  await cp(join(root, 'packages/verifier/package.json'), join(verifier, 'package.json'))
  for (const name of ['eventsource-parser', ...others]) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
}

async function bundlePage(folder: string): Promise<void> {
  const { bundleAccountPage } = await import(pathToFileURL(join(root, 'scripts/account-page.mjs')).href)
  await bundleAccountPage(join(folder, 'dist/account-page'))
}

let verifierBuild: Promise<string> | undefined

/** Compiles the verifier once for a test file. The folder is removed at the end of the file. */
function buildVerifierOnce(): Promise<string> {
  verifierBuild ??= makeFolder(tap).then(async folder => {
    await compile('packages/verifier', folder)
    return folder
  })
  return verifierBuild
}

async function compile(project: string, folder: string): Promise<void> {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const output = ['--outDir', join(folder, 'dist'), '--incremental', 'false', '--tsBuildInfoFile', 'null', '--noCheck']
  const args = [tsc, '-p', join(root, project, 'tsconfig.build.json'), ...output]
  await promisify(execFile)(process.execPath, args)
}
