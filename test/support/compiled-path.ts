import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../.test-build', import.meta.url))

/** The path of the compiled form of a source, for a test that runs a program: `compiledPath('src/cli.ts')`. */
export function compiledPath(source: string): string {
  return `${folder}/${source.replace(/\.ts$/, '.js')}`
}
