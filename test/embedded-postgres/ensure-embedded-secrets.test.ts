import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ensureEmbeddedSecrets } from '../../src/embedded-postgres/secrets.js'

t.test('the embedded secrets are created once, differ from each other, and stay the same', async t => {
  const dataDir = join(t.testdir(), '.latchkey')
  const secrets = await ensureEmbeddedSecrets(dataDir)
  t.match(secrets, { JWT_SECRET: /^[\w-]{64}$/, JWT_REFRESH_SECRET: /^[\w-]{64}$/ })
  t.not(secrets.JWT_SECRET, secrets.JWT_REFRESH_SECRET)
  t.same(await ensureEmbeddedSecrets(dataDir), secrets)
})

t.test('only the owner can read the embedded secrets', async t => {
  const dataDir = join(t.testdir(), '.latchkey')
  await ensureEmbeddedSecrets(dataDir)
  t.equal((await stat(join(dataDir, 'secrets.json'))).mode & 0o777, 0o600)
  t.equal((await stat(dataDir)).mode & 0o066, 0)
})

t.test('a data folder that is open to other users is closed', async t => {
  const dataDir = t.testdir()
  await chmod(dataDir, 0o777)
  await ensureEmbeddedSecrets(dataDir)
  t.equal((await stat(dataDir)).mode & 0o066, 0)
})

t.test('concurrent starts agree on the embedded secrets, and leave no draft', async t => {
  const dataDir = t.testdir()
  const all = await Promise.all(Array.from({ length: 10 }, () => ensureEmbeddedSecrets(dataDir)))
  t.equal(new Set(all.map(secrets => secrets.JWT_SECRET)).size, 1)
  t.same(await readdir(dataDir), ['secrets.json'])
})

t.test('a damaged file of embedded secrets stops the start and is not changed', async t => {
  const good = 'x'.repeat(64)
  for (const damaged of [
    '',
    '{',
    'null',
    '{}',
    `{"JWT_SECRET":"${good}"}`,
    `{"JWT_SECRET":"${good}","JWT_REFRESH_SECRET":""}`,
  ]) {
    const dataDir = t.testdir()
    const file = join(dataDir, 'secrets.json')
    await writeFile(file, damaged)
    await t.rejects(ensureEmbeddedSecrets(dataDir), /secrets\.json does not contain the two secrets/, damaged)
    t.equal(await readFile(file, 'utf8'), damaged)
  }
})
