import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { compile } from '../../examples/packed-consumer.js'
import { installVerifier } from '../../support/build-package.js'
import { makeFolder } from '../../support/servers/embedded-fixture.js'

const TYPED = resolve(import.meta.dirname, 'typed')

/** Compiles files in a folder of their own, in which only these packages are installed; returns the errors. */
async function errorsIn(
  t: Test,
  sources: readonly string[],
  packages: readonly string[],
  lib = ['ES2023'],
): Promise<string> {
  const folder = await makeFolder(t)
  await installVerifier(folder, ['@types/node', ...packages])
  const files = sources.map((_, index) => `app-${index}.ts`)
  await Promise.all(sources.map((source, index) => writeFile(join(folder, files[index]!), source)))
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
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  return compile(folder)
}

const read = (...names: string[]) => Promise.all(names.map(name => readFile(join(TYPED, name), 'utf8')))

// The compiler takes long on a busy machine.
t.setTimeout(300_000)

t.test('an application compiles with the types of every package checked, and its mistakes are errors', async t => {
  t.equal(await errorsIn(t, await read('fastify-app.ts'), ['fastify']), '')
  const others = await read('express-app.ts', 'http-app.ts', 'web-app.ts')
  t.equal(await errorsIn(t, others, ['express', '@types/express']), '', 'Fastify is not installed')
  const web = await read('web-app.ts')
  t.equal(await errorsIn(t, web, [], ['ES2023', 'DOM', 'DOM.Iterable']), '', 'with the types of a browser')
})

t.test('every example in the README compiles', async t => {
  const readme = await readFile(resolve(import.meta.dirname, '../../../packages/verifier/README.md'), 'utf8')
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!)
  t.ok(examples.length >= 4)
  t.equal(await errorsIn(t, examples, ['fastify', 'express', '@types/express', 'hono']), '')
})
