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
    [['keys', 'forget'], /^error: unknown command 'forget'\n\(latchkey keys --help lists the commands\)\n$/],
    [['serve', 'twice'], /^error: too many arguments for 'serve'/],
    [['serve', '--port'], /^error: unknown option '--port'\n\(latchkey serve --help describes this command\)\n$/],
    [['users', 'create'], /^error: missing required argument 'email'/],
    [['users'], /^Usage: latchkey users/],
  ]
  for (const [args, says] of cases) {
    t.match(await runLatchkey(args), { code: 64, stdout: '', stderr: says }, args.join(' '))
  }
})

t.test('an option that can have one value only is refused if it is given twice', async t => {
  const cases: [args: string[], says: string][] = [
    [['users', 'create', 'a@b.example', '--username', 'a', '--username', 'b'], 'give --username only once.'],
    [['users', 'create', 'a@b.example', '--external-id=1', '--external-id=2'], 'give --external-id only once.'],
    [['users', 'rename', 'a', '--username', 'b', '--no-username'], 'give --username or --no-username, not both.'],
    [['users', 'rename', 'a', '--no-username', '--username', 'b'], 'give --no-username or --username, not both.'],
    [['users', 'rename', 'a', '--email', 'a@b.example', '--email', 'c@d.example'], 'give --email only once.'],
    [['users', 'list', '--role', 'a', '--role', 'b'], 'give --role only once.'],
    [['users', 'import', '-', '--role-mapping', 'a', '--role-mapping', 'b'], 'give --role-mapping only once.'],
    [['sessions', 'list', '--user', 'a', '--user', 'b'], 'give --user only once.'],
    [['events', '--since', '1h', '--since', '2h'], 'give --since only once.'],
    [['events', '--limit', '1', '--limit', '2'], 'give --limit only once.'],
  ]
  for (const [args, says] of cases) {
    const command = args.slice(0, args[0] === 'events' ? 1 : 2).join(' ')
    const stderr = `error: ${says}\n(latchkey ${command} --help describes this command)\n`
    t.same(await runLatchkey(args), { code: 64, stdout: '', stderr }, args.join(' '))
  }
})

t.test('the help of every command has an example and the exit codes', async t => {
  const groups: Record<string, string[]> = {
    users: [
      ...['create', 'list', 'show', 'sessions', 'events', 'delete', 'rename', 'roles', 'disable', 'enable'],
      ...['reset-password', 'temporary-password', 'import', 'check-emails'],
    ],
    sessions: ['list', 'show', 'revoke'],
    clients: ['create', 'list', 'show', 'rotate', 'remove'],
    keys: ['list', 'rotate', 'revoke'],
  }
  const commands = Object.entries(groups).flatMap(([group, names]) => names.map(name => [group, name]))
  for (const command of [...commands, ['events'], ['migrate'], ['sign-out-everyone']]) {
    const { code, stdout } = await runLatchkey([...command, '--help'])
    t.equal(code, 0, command.join(' '))
    t.match(stdout, `$ latchkey ${command.join(' ')}`)
    t.match(stdout, /Exit codes: 0 done; 1 failed; .* 64 invalid command line/)
    t.match(stdout, '--json')
  }
  for (const [group, names] of Object.entries(groups)) {
    const { code, stdout, stderr } = await runLatchkey([group])
    t.same({ code, stdout }, { code: 64, stdout: '' }, group)
    for (const name of names) t.match(stderr, new RegExp(`^  ${name}\\b`, 'm'))
  }
})

t.test('the help of a command that revokes sessions says when instances refuse the access tokens', async t => {
  const users = ['disable', 'delete', 'temporary-password'].map(name => ['users', name])
  for (const command of [...users, ['sessions', 'revoke'], ['clients', 'remove'], ['sign-out-everyone']]) {
    const { stdout } = await runLatchkey([...command, '--help'])
    t.match(
      stdout,
      /refuse the access tokens within milliseconds if Redis tells\nthem, and without Redis .* about a second/,
    )
  }
})

t.test('with --json an invalid command line is reported as JSON, also before the command', async t => {
  const usage = (message: string) => ({
    code: 64,
    stdout: '',
    stderr: `{"error":{"code":"usage","message":${message}}}\n`,
  })
  t.same(await runLatchkey(['users', 'lst', '--json']), usage(`"unknown command 'lst' (Did you mean list?)"`))
  t.same(await runLatchkey(['--json', 'users']), usage('"A command is missing: latchkey --help lists the commands."'))
})
