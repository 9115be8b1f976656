// `npm start`: compiles what has changed, and runs `latchkey serve` in this process. This file is written so that every
// Node can parse it, and an old one gets a sentence instead of an error of its parser.

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  stop(`Latchkey needs Node 22 or 24, and this is Node ${process.versions.node}: install Node 24 (https://nodejs.org).`)
} else {
  // At a terminal, somebody is waiting.
  if (process.stdout.isTTY) process.stdout.write('Starting Latchkey…\n')
  import('./dist.mjs').then(start).catch(error => stop(error.message))
}

function start(dist) {
  return Promise.all([import('node:module'), import('node:url'), import('node:path')]).then(([module, url, path]) => {
    const root = path.resolve(import.meta.dirname, '..')
    const missing = dist.missingPackages()
    if (missing.length > 0) {
      const others = missing.length === 1 ? '' : ` and ${missing.length - 1} more`
      throw new Error(`Packages are not installed (${missing[0]}${others}): run "npm ci", and then start again.`)
    }
    return ensureBuilt(dist).then(() => {
      // Since Node 22. In node_modules, which belongs to the user who installed the code, and never in /tmp.
      if (module.default.enableCompileCache)
        module.default.enableCompileCache(path.join(root, 'node_modules', '.cache', 'latchkey'))
      const program = path.join(root, 'dist', 'cli.js')
      process.argv.splice(1, 1, program, 'serve')
      return import(url.pathToFileURL(program).href)
    })
  })
}

function ensureBuilt(dist) {
  const unbuilt = dist.findUnbuilt()
  if (!unbuilt) return Promise.resolve()
  if (process.stdout.isTTY) process.stdout.write('Compiling the sources…\n')
  return dist.buildFast().catch(error => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw new Error(`The sources cannot be compiled: ${error.message}`)
    const { state, folder } = unbuilt
    const problem = {
      missing: `${folder} is missing`,
      incomplete: `${folder} is incomplete`,
      outdated: `The sources have changed since ${folder} was built`,
    }[state]
    const also = state === 'outdated' ? ', or start the earlier build with "node dist/cli.js serve"' : ''
    throw new Error(
      `${problem}, and the compiler is not installed: run "npm ci --include=dev && npm run build", and then, if you want, "npm prune --omit=dev"${also}.`,
    )
  })
}

function stop(message) {
  console.error(message)
  process.exit(1)
}
