import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'

// scripts/make-secrets.sh, which makes the secrets of docker-compose.yml.

const root = resolve(import.meta.dirname, '../..')
const NAMES = ['jwt_refresh_secret', 'jwt_secret', 'postgres_password', 'redis_password']
const OLD = 'old+/='.repeat(8)

t.test('the secrets are made once, and the commands of the README can be pasted again', async t => {
  const { folder, makeSecrets, secret } = await makeFolder(t)
  const contents = () => Promise.all(NAMES.map(secret))

  await writeFile(join(folder, '.env'), `REGISTRATION=closed\nJWT_SECRET=${OLD}\n`)
  const { code, stderr } = await makeSecrets()
  t.equal(code, 0)
  t.match(stderr, 'Now remove JWT_SECRET from .env')
  t.strictSame((await readdir(join(folder, 'secrets'))).sort(), NAMES)
  const made = await contents()
  t.equal(new Set(made).size, 4)
  for (const text of made) t.ok(text!.length >= 48)
  t.equal(made[NAMES.indexOf('jwt_secret')], OLD, 'a secret in use is kept')
  t.equal((await stat(join(folder, 'secrets'))).mode & 0o777, 0o700)
  t.equal((await stat(join(folder, 'secrets/jwt_secret'))).mode & 0o777, 0o644, 'the user in the container can read it')

  await rm(join(folder, 'secrets/redis_password'))
  t.match(await makeSecrets(), { code: 0, stdout: /jwt_secret exists and is kept/ })
  const again = await contents()
  for (const [at, name] of NAMES.entries())
    name === 'redis_password' ? t.not(again[at], made[at]) : t.equal(again[at], made[at], name)
})

t.test('a plain value in .env is copied as Docker Compose reads it', async t => {
  const { folder, makeSecrets, secret } = await makeFolder(t)
  const lines = [
    'JWT_SECRET=first',
    `JWT_SECRET=${OLD}`,
    `export JWT_REFRESH_SECRET=${OLD}2`,
    '#POSTGRES_PASSWORD="example"',
    'POSTGRES_PASSWORD=',
    'OTHER_POSTGRES_PASSWORD="other"',
    'REDIS_PASSWORD_FILE="/other"',
  ]
  await writeFile(join(folder, '.env'), lines.join('\r\n'))
  t.match(await makeSecrets(), { code: 0 })
  t.equal(await secret('jwt_secret'), OLD)
  t.equal(await secret('jwt_refresh_secret'), `${OLD}2`)
  for (const name of ['postgres_password', 'redis_password']) t.match(await secret(name), /^[\w+/]{64}$/, name)
})

t.test('a value in .env that could be read in several ways is neither copied nor replaced', async t => {
  const { folder, makeSecrets, secret } = await makeFolder(t)
  const lines = [
    ...[
      '="quoted"',
      "='quoted'",
      '="',
      '=a # comment',
      '=a#b',
      '=a$b',
      '=a$$b',
      '=a\\b',
      '=a b',
      '=a ',
      '=a\t',
      '=`a`',
    ],
    ...[' = a', ' =a', '= a', ': a', '=é', '', ' '],
  ].map(rest => `JWT_SECRET${rest}`)
  for (const line of [
    ...lines,
    '  JWT_SECRET=a',
    'export  JWT_SECRET=a',
    'export JWT_SECRET = a',
    '\ufeffJWT_SECRET=a',
  ]) {
    await writeFile(join(folder, '.env'), `${line}\n`)
    const { code, stderr } = await makeSecrets()
    t.equal(code, 1, JSON.stringify(line))
    t.match(stderr, /^secrets\/jwt_secret: not made, because JWT_SECRET in \.env has .*Write its value/)
    t.equal(await secret('jwt_secret'), undefined)
  }
  t.ok(await secret('redis_password'), 'the others are made')
  await writeFile(join(folder, 'secrets/jwt_secret'), 'by hand\n')
  t.match(await makeSecrets(), { code: 0, stderr: 'Now remove JWT_SECRET from .env' })
  t.equal(await secret('jwt_secret'), 'by hand')
})

t.test('a .env that cannot be read makes no secret', async t => {
  const { folder, makeSecrets, secret } = await makeFolder(t)
  await mkdir(join(folder, '.env'))
  t.match(await makeSecrets(), { code: 1, stderr: /\.env cannot be read/ })
  t.equal(await secret('jwt_secret'), undefined)
})

t.test('a folder or a broken link in the place of a secret is an error', async t => {
  const { folder, makeSecrets, secret } = await makeFolder(t)
  await mkdir(join(folder, 'secrets/jwt_secret'), { recursive: true })
  await symlink('/nonexistent/password', join(folder, 'secrets/redis_password'))
  const { code, stderr } = await makeSecrets()
  t.equal(code, 1)
  t.match(stderr, /^secrets\/jwt_secret is a folder and must be a file: remove it \(rmdir secrets\/jwt_secret\)/m)
  t.match(stderr, /^secrets\/redis_password is a link to a file that does not exist/m)
  t.ok(await secret('postgres_password'))

  await rm(join(folder, 'secrets/redis_password'))
  await writeFile(join(folder, 'secrets/redis_password'), '')
  await rm(join(folder, 'secrets/jwt_secret'), { recursive: true })
  t.match(await makeSecrets(), { code: 0, stdout: /redis_password: made/ }, 'an empty file is not a secret')
})

t.test('a missing or failing program makes no empty secret', async t => {
  for (const [program, script] of [
    ['base64', 'exit 1'],
    ['base64', 'echo c2hvcnQ='],
    ['head', 'exit 1'],
  ]) {
    const { folder, makeSecrets } = await makeFolder(t)
    await mkdir(join(folder, 'bin'))
    await writeFile(join(folder, 'bin', program!), `#!/bin/sh\n${script}\n`)
    await chmod(join(folder, 'bin', program!), 0o755)
    const result = await makeSecrets({ PATH: `${join(folder, 'bin')}:${process.env.PATH}` })
    t.match(result, { code: 1, stdout: '', stderr: /jwt_secret: not made, because head or base64 failed/ })
    t.strictSame(await readdir(join(folder, 'secrets')), [])
  }
  const { folder, makeSecrets } = await makeFolder(t)
  await mkdir(join(folder, 'bin'))
  await symlink('/usr/bin/dirname', join(folder, 'bin/dirname'))
  t.match(await makeSecrets({ PATH: join(folder, 'bin') }), { code: 1, stderr: /The program base64 is missing/ })
})

async function makeFolder(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-secrets-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'scripts'))
  await cp(join(root, 'scripts/make-secrets.sh'), join(folder, 'scripts/make-secrets.sh'))
  return {
    folder,
    makeSecrets: (env: NodeJS.ProcessEnv = { PATH: process.env.PATH }) =>
      new Promise<{ code: number; stdout: string; stderr: string }>(done => {
        const args = ['-c', 'umask 077; /bin/sh scripts/make-secrets.sh']
        execFile('/bin/sh', args, { cwd: folder, env }, (error, stdout, stderr) =>
          done({ code: error ? Number(error.code) : 0, stdout, stderr }),
        )
      }),
    secret: (name: string) =>
      readFile(join(folder, 'secrets', name), 'utf8').then(
        text => text.replace(/\n$/, ''),
        () => undefined,
      ),
  }
}
