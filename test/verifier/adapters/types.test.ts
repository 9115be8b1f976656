import { cp, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { compile } from '../../examples/packed-consumer.js'
import { installVerifier } from '../../support/build-package.js'
import { makeFolder } from '../../support/servers/embedded-fixture.js'

const TYPED = resolve(import.meta.dirname, 'typed')

/** Compiles an application in a folder of its own, in which only these packages are installed; returns the errors. */
async function errorsOf(t: Test, application: string, packages: readonly string[], lib = ['ES2023']): Promise<string> {
  const folder = await makeFolder(t)
  await installVerifier(folder, packages)
  await cp(join(TYPED, application), join(folder, 'app.ts'))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  const compilerOptions = {
    target: 'ES2023',
    module: 'NodeNext',
    lib,
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }))
  return compile(folder)
}

const node = '@types/node'

t.test('an application compiles with the types of every package checked, and its mistakes are errors', async t => {
  t.equal(await errorsOf(t, 'fastify-app.ts', [node, 'fastify']), '')
  t.equal(await errorsOf(t, 'express-app.ts', [node, 'express', '@types/express']), '')
  t.equal(await errorsOf(t, 'http-app.ts', [node]), '')
  t.equal(await errorsOf(t, 'web-app.ts', [node]), '')
  t.equal(await errorsOf(t, 'web-app.ts', [node], ['ES2023', 'DOM', 'DOM.Iterable']), '', 'with the types of a browser')
})
