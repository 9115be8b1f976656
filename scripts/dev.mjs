import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { context } from 'esbuild'
import { accountPageOptions } from './account-page.mjs'

// `npm run dev`: the service from its sources, started again after every change; the account page is bundled again when it
// changes, and the service that has read it is started again too.

const root = resolve(import.meta.dirname, '..')
const folder = join(root, 'dist', 'account-page')
const bundles = await Promise.all(
  accountPageOptions(folder).map(options => context({ ...options, logLevel: 'warning' })),
)
await Promise.all(bundles.map(bundle => bundle.rebuild()))
await Promise.all(bundles.map(bundle => bundle.watch()))

const service = spawn('tsx', ['watch', '--include', 'dist/account-page/*', 'src/cli.ts', 'serve'], {
  cwd: root,
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => service.kill(signal))
service.on('exit', async code => {
  await Promise.all(bundles.map(bundle => bundle.dispose()))
  process.exitCode = code ?? 0
})
