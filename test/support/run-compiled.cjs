// tap loads this before every test file (`--require`). It runs the compiled form of the test without a loader: the
// loaders of tap and of tsx run in another thread, and every import waits for it. That takes longer than most tests.

const Module = require('node:module')
const { join, relative, resolve } = require('node:path')
const { pathToFileURL } = require('node:url')

const root = resolve(__dirname, '../..')

// Node allows a script that is loaded first to replace the function that starts the main program. This one does not
// start the loaders of the command line.
Module.runMain = (main = process.argv[1]) => {
  void import(pathToFileURL(main.endsWith('.ts') ? compiledFormOf(main) : resolve(main)).href)
}

function compiledFormOf(source) {
  return join(root, '.test-build', relative(root, resolve(source)).replace(/\.ts$/, '.js'))
}
