import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** What the edge is bundled from, apart from the packages: the entries in `src`, with the names of their bundles in dist/. */
export const EDGE_BUNDLES = [
  { source: 'src/edge/serve-edge.ts', name: 'edge.cjs' },
  // Loaded only if it is asked for, because of its memory.
  { source: 'src/edge/grpc/grpc-server.ts', name: 'edge-grpc.cjs' },
]

/**
 * Puts the edge and its packages into one file, and its gRPC server into another, because of the memory. For many files,
 * Node optimizes the code that finds files, and the compiler that does so stays in memory. The files are CommonJS: an ES
 * module that imports `node:http` also loads fetch, because every export of `node:http` is read.
 *
 * @returns the names and the code of the bundles
 */
export async function bundleEdge() {
  const { build } = await import('esbuild')
  return Promise.all(
    EDGE_BUNDLES.map(async ({ source, name }) => {
      const { outputFiles } = await build({
        write: false,
        absWorkingDir: root,
        entryPoints: [join(root, source)],
        bundle: true,
        format: 'cjs',
        platform: 'node',
        target: 'node20',
        // `import()` would load Node's loader of ES modules.
        supported: { 'dynamic-import': false },
        // The verifier is bundled from its sources.
        tsconfig: join(root, 'tsconfig.json'),
        plugins: [otherBundles],
        banner: { js: '// The packages in this file have their licences in node_modules.' },
        logLevel: 'warning',
      })
      return { name, code: outputFiles[0].text }
    }),
  )
}

/** An import of the entry of another bundle loads this bundle. */
const otherBundles = {
  name: 'other bundles',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined
      const source = relative(root, resolve(resolveDir, path)).replace(/\.js$/, '.ts')
      const bundle = EDGE_BUNDLES.find(each => each.source === source)
      return bundle && { path: `./${bundle.name}`, external: true }
    })
  },
}
