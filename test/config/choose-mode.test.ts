import t from 'tap'
import { chooseMode } from '../../src/config/choose-mode.js'
import { stores } from './environments.js'

t.test('the mode is embedded with --embedded, or without store addresses outside production', async t => {
  const { DATABASE_URL, REDIS_URL } = stores
  const kubernetes = { KUBERNETES_SERVICE_HOST: '10.0.0.1' }
  const cases: [env: NodeJS.ProcessEnv, embedded: boolean, mode: string, problems: RegExp[]][] = [
    [{}, false, 'embedded', []],
    [{ NODE_ENV: 'test' }, false, 'embedded', []],
    [{ NODE_ENV: 'development', DATABASE_URL: ' ' }, false, 'embedded', []],
    [stores, false, 'external', []],
    [{ DATABASE_URL_FILE: '/a', REDIS_URL_FILE: '/b' }, false, 'external', []],
    [{ ...stores, NODE_ENV: 'production', ...kubernetes }, false, 'external', []],
    [{ DATABASE_URL }, false, 'external', [/^REDIS_URL is not set: set it to .*redis:.* or unset DATABASE_URL too/]],
    [{ REDIS_URL }, false, 'external', [/^DATABASE_URL is not set: set it to .*postgres:.* or unset REDIS_URL too/]],
    [
      { NODE_ENV: 'production' },
      false,
      'external',
      [/^DATABASE_URL .*in production.*--embedded on the command line/, /^REDIS_URL/],
    ],
    [{ NODE_ENV: 'production', DATABASE_URL }, false, 'external', [/^REDIS_URL is not set/]],
    [
      { ...stores, DATABASE_URL: 'mysql://h/d', NODE_ENV: 'production' },
      false,
      'external',
      [/--embedded on the command line/],
    ],
    [{ NODE_ENV: 'prod' }, false, 'external', [/^DATABASE_URL .*unknown NODE_ENV/, /^REDIS_URL/]],
    [kubernetes, false, 'external', [/^DATABASE_URL .*in Kubernetes.*--embedded on the command line/, /^REDIS_URL/]],
    [{ NODE_ENV: 'production', ...kubernetes }, true, 'embedded', []],
    [stores, true, 'embedded', []],
    [{ DATABASE_URL }, true, 'embedded', []],
  ]
  for (const [env, embedded, mode, problems] of cases) {
    const choice = chooseMode(env, { embedded })
    const title = `${JSON.stringify(env)}${embedded ? ' --embedded' : ''}`
    t.equal(choice.mode, mode, title)
    t.equal(choice.problems.length, problems.length, title)
    t.match(choice.problems, problems)
  }
})
