import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describeApi } from './describe-api.js'

// Writes docs/openapi.json, the API with the default settings. `--check` only compares.

const path = new URL('../docs/openapi.json', import.meta.url)
const document = `${JSON.stringify(await describeApi(), undefined, 2)}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(path, document)
} else if (!existsSync(path) || readFileSync(path, 'utf8') !== document) {
  console.error('docs/openapi.json is out of date: run npm run docs')
  process.exitCode = 1
}
