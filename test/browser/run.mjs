import { spawn } from 'node:child_process'

/**
 * `npm run test:browser`: the tests that need a browser. With `--long`, the tabs that are disturbed are twenty, for an hour.
 */
const isLong = process.argv.includes('--long')
const files = isLong
  ? ['test/client/disturbed-tabs.test.ts']
  : ['test/browser/*.test.ts', 'test/client/*.test.ts', 'test/account/*.test.ts']
const env = { ...process.env, ...(isLong && { BROWSER_TESTS: 'long' }) }
const timeout = isLong ? 2 * 60 * 60 : 150
const child = spawn('npx', ['tap', `--timeout=${timeout}`, ...files], { stdio: 'inherit', env, shell: true })
child.on('exit', code => {
  process.exitCode = code ?? 1
})
