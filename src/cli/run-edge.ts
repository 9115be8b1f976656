// `latchkey edge`, without the modules of the other commands: all of it is in one file (scripts/bundle-edge.mjs).
import type { ConfigError as ConfigErrorOfBundle } from '../config/config-error.js'

try {
  // Not `import`: for a module in CommonJS, Node would first load a parser of such modules.
  const require = process.getBuiltinModule('node:module').createRequire(import.meta.url)
  const { serveEdge } = require('../edge.cjs') as typeof import('../edge/serve-edge.js')
  await serveEdge(process.env)
} catch (error) {
  const { reportError } = await import('./exit-codes.js')
  process.exit(reportError(await withClassOfHere(error)))
}

/** The file has its own class of this name. */
async function withClassOfHere(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || error.name !== 'ConfigError') return error
  const { ConfigError } = await import('../config/config-error.js')
  return new ConfigError((error as ConfigErrorOfBundle).problems)
}
