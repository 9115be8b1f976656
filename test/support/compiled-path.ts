import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../.test-build', import.meta.url))

/** Where the compiled form of a source is, for tests that run a program: `compiledPath('src/cli.ts')`. */
export function compiledPath(source: string): string {
  return `${folder}/${source.replace(/\.ts$/, '.js')}`
}
