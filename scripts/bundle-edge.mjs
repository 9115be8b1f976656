import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** What the edge is bundled from, apart from `src` of this package: with its name in dist/. */
export const EDGE = { source: 'src/edge/serve-edge.ts', name: 'edge.cjs' }

/**
 * Puts the edge and its packages into one file, because of the memory. For many files, Node optimizes the code that finds
 * files, and the compiler that does so stays in memory. The file is CommonJS: an ES module that imports `node:http` also
 * loads fetch, because every export of `node:http` is read. gRPC is loaded from its package, if it is asked for.
 *
 * @returns the code
 */
export async function bundleEdge() {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    write: false,
    absWorkingDir: root,
    entryPoints: [join(root, EDGE.source)],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // `import()` would load Node's loader of ES modules.
    supported: { 'dynamic-import': false },
    // The verifier is bundled from its sources.
    tsconfig: join(root, 'tsconfig.json'),
    external: ['@grpc/*'],
    banner: { js: '// The packages in this file have their licences in node_modules.' },
    logLevel: 'warning',
  })
  return outputFiles[0].text
}
