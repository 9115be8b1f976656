// tap starts every test file with this one before it (`--require`). It runs the compiled form of the test, and no loader:
// those of tap and of tsx work in a thread of their own, which every import has to wait for. That takes longer than most
// tests do. Where coverage is measured (`npm run test:coverage`), tsx and tap's loader take its place.

const Module = require('node:module')
const { join, relative, resolve } = require('node:path')
const { pathToFileURL } = require('node:url')

const root = resolve(__dirname, '../..')

// Node leaves it to scripts like this one to replace the function that starts the main program. Ours never asks for the
// loaders of the command line.
Module.runMain = (main = process.argv[1]) => {
  void import(pathToFileURL(main.endsWith('.ts') ? compiledFormOf(main) : resolve(main)).href)
}

function compiledFormOf(source) {
  return join(root, '.test-build', relative(root, resolve(source)).replace(/\.ts$/, '.js'))
}
