import { readFileSync } from 'node:fs'
import t from 'tap'
import { runLatchkey } from '../support/run-latchkey.js'

t.test('--help and --version print to standard output and exit with 0', async t => {
  const help = await runLatchkey(['--help'])
  t.match(help, { code: 0, stderr: '' })
  for (const command of ['serve', 'migrate', 'keys', 'users', '--embedded']) t.match(help.stdout, command)
  const rotate = await runLatchkey(['keys', 'rotate', '--help'])
  t.match(rotate, { code: 0, stdout: /--immediately/, stderr: '' })
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  t.same(await runLatchkey(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
})

t.test('an invalid command line exits with 64 and a hint where to look', async t => {
  const cases: [args: string[], says: RegExp][] = [
    [['srve'], /^error: unknown command 'srve'\n\(Did you mean serve\?\)\n\(latchkey --help lists the commands\)\n$/],
    [['keys', 'forget'], /^error: unknown command 'forget'\n/],
    [['serve', 'twice'], /^error: too many arguments for 'serve'/],
    [['serve', '--port'], /^error: unknown option '--port'/],
    [['users', 'create'], /^error: missing required argument 'email'/],
    [['users'], /^Usage: latchkey users/],
  ]
  for (const [args, says] of cases) {
    t.match(await runLatchkey(args), { code: 64, stdout: '', stderr: says }, args.join(' '))
  }
})
