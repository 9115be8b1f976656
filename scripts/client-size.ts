import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

// The part of `npm run lint` that keeps the browser client small: what a page loads of it, minified and compressed.

const LIMIT_BYTES = 3072

const { outputFiles } = await build({
  entryPoints: ['packages/client/src/index.ts'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  write: false,
})
const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length
console.log(`@latchkey/client: ${size} bytes compressed, of at most ${LIMIT_BYTES}`)
if (size > LIMIT_BYTES) {
  console.error('It is too large: every page loads it. Remove something, or move it to an entry of its own.')
  process.exitCode = 1
}
