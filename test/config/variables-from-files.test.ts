import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { chooseMode, readConfig } from '../../src/config.js'
import { problemsOf, refreshSecret, required, secret, stores } from './environments.js'

t.test('a value may come from a file', async t => {
  const dir = t.testdir({
    secret: `${secret}\n`,
    url: 'postgres://u:canary@db/x\r\n',
    port: '8080\n',
    empty: '\n',
    bad: 'canary\n',
  })
  const file = (name: string) => join(dir, name)

  t.test('without its trailing newline', async t => {
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

  t.test('but not from both', async t => {
    const problems = problemsOf({ ...required, JWT_SECRET_FILE: file('secret') })
    t.strictSame(problems, ['JWT_SECRET and JWT_SECRET_FILE are both set: keep one.'])
  })

  t.test('that exists and is not empty', async t => {
    t.match(problemsOf({ ...required, PORT_FILE: file('absent') }), [
      /^PORT_FILE names a file that can't be read \(ENOENT\)/,
    ])
    t.match(problemsOf({ ...required, PORT_FILE: file('empty') }), [/^PORT_FILE names an empty file/])
  })

  t.test('whose content is never shown if it is secret', async t => {
    const problems = problemsOf({ JWT_SECRET_FILE: file('bad'), JWT_REFRESH_SECRET: refreshSecret })
    t.match(problems, [/^JWT_SECRET, entry 1, must be at least 32 bytes/])
    t.notMatch(problems[0], /canary/)
  })

  t.test('and an empty variable is an unset one', async t => {
    t.equal(readConfig({ ...required, PORT: '', PORT_FILE: ' ', DATABASE_URL: '' }).port, 3000)
  })

  t.test('and a NODE_ENV in a file keeps embedded out of production', async t => {
    writeFileSync(file('env'), 'production\n')
    t.equal(chooseMode({ NODE_ENV_FILE: file('env') }).mode, 'external')
    t.equal(chooseMode({ NODE_ENV_FILE: file('absent') }).mode, 'external')
  })
})
