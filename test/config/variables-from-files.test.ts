import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { chooseMode } from '../../src/config/choose-mode.js'
import { readConfig } from '../../src/config/config.js'
import { problemsOf, refreshSecret, required, secret, stores } from './environments.js'

t.test('a setting can be read from a file', async t => {
  const dir = t.testdir({
    secret: `${secret}\n`,
    url: 'postgres://u:canary@db/x\r\n',
    port: '8080\n',
    empty: '\n',
    bad: 'canary\n',
  })
  const file = (name: string) => join(dir, name)

  t.test('a setting that is read from a file loses its trailing newline', async t => {
    const config = readConfig({
      JWT_SECRET_FILE: file('secret'),
      JWT_REFRESH_SECRET: refreshSecret,
      DATABASE_URL_FILE: file('url'),
      REDIS_URL: stores.REDIS_URL,
      PORT_FILE: file('port'),
    })
    t.match(config, {
      mode: 'external',
      port: 8080,
      jwtSecrets: [secret],
      database: { url: 'postgres://u:canary@db/x' },
    })
  })

  t.test('a variable and its _FILE variable must not both be set', async t => {
    const problems = problemsOf({ ...required, JWT_SECRET_FILE: file('secret') })
    t.strictSame(problems, ['JWT_SECRET and JWT_SECRET_FILE are both set: keep one.'])
  })

  t.test('a _FILE variable that names a missing or empty file is rejected', async t => {
    t.match(problemsOf({ ...required, PORT_FILE: file('absent') }), [
      /^PORT_FILE names a file that cannot be read \(ENOENT\)/,
    ])
    t.match(problemsOf({ ...required, PORT_FILE: file('empty') }), [/^PORT_FILE names an empty file/])
  })

  t.test('the error about a secret that is read from a file never shows it', async t => {
    const problems = problemsOf({ JWT_SECRET_FILE: file('bad'), JWT_REFRESH_SECRET: refreshSecret })
    t.match(problems, [/^JWT_SECRET, entry 1, must be at least 32 bytes/])
    t.notMatch(problems[0], /canary/)
  })

  t.test('an empty variable counts as unset', async t => {
    t.equal(readConfig({ ...required, PORT: '', PORT_FILE: ' ', DATABASE_URL: '' }).port, 3000)
  })

  t.test('a NODE_ENV_FILE that says production, or that is missing, excludes embedded mode', async t => {
    writeFileSync(file('env'), 'production\n')
    t.equal(chooseMode({ NODE_ENV_FILE: file('env') }).mode, 'external')
    t.equal(chooseMode({ NODE_ENV_FILE: file('absent') }).mode, 'external')
  })
})
