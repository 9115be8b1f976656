import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import tap, { type Test } from 'tap'
import { buildService } from '../support/build-package.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'

const run = promisify(execFile)

const root = resolve(import.meta.dirname, '../..')
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

export interface ConsumerOptions {
  /** Packages that are not installed. */
  without?: readonly string[]
  /** Gives the application its own copy of Fastify, as npm does if the versions differ. */
  ownFastify?: boolean
}

/**
 * Makes a folder in which the package `latchkey` is installed, as `npm pack` and `npm install` would do without a
 * network: its files are real, and its dependencies are links to those of the repository.
 */
export async function makeConsumer(
  t: Test,
  { without = [], ownFastify = false }: ConsumerOptions = {},
): Promise<string> {
  const folder = await makeFolder(t)
  const modules = join(folder, 'node_modules')
  const latchkey = join(modules, 'latchkey')
  await cp(await buildOnce(), latchkey, { recursive: true, verbatimSymlinks: true })
  await linkPackages(join(latchkey, 'node_modules'), [...without, '@latchkey', 'eventsource-parser'])
  await linkPackages(modules, [...without, 'latchkey', '@latchkey', ...(ownFastify ? ['fastify'] : [])])
  if (ownFastify) await cp(join(root, 'node_modules/fastify'), join(modules, 'fastify'), { recursive: true })
  return folder
}

let built: Promise<string> | undefined

/** Builds the package once for all consumers of a test file. */
function buildOnce(): Promise<string> {
  built ??= build()
  return built
}

async function build(): Promise<string> {
  // Until the end of the file, not only of the test that needs it first.
  const folder = await makeFolder(tap)
  await buildService(folder)
  return folder
}

async function linkPackages(modules: string, without: readonly string[]): Promise<void> {
  await mkdir(modules, { recursive: true })
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name.startsWith('.') || without.includes(name)) continue
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
}

/** Checks the types with the tsconfig.json of the folder, and compiles. Resolves with the errors of the compiler. */
export async function compile(folder: string): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [tsc, '-p', folder])
    return stdout
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}
