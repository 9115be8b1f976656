import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { readSteps } from '../../scripts/readme/read-steps.js'

const script = resolve(import.meta.dirname, '../../scripts/run-readme.ts')

const server = createServer((request, response) => {
  response.statusCode = request.url === '/missing' ? 404 : 200
  response.setHeader('x-user', 'ada')
  response.end('{"status":"ok","at":1}')
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as { port: number }
t.teardown(() => server.close())

/** Runs the commands of a page against the server. */
async function runPage(t: Test, page: string) {
  const path = join(t.testdir({ 'page.md': page }), 'page.md')
  const args = ['--import', import.meta.resolve('tsx'), script, '--at', `http://127.0.0.1:${port}`, path]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { output, exitCode: child.exitCode }
}

const block = (commands: string) => `\`\`\`sh run\n${commands}\n\`\`\`\n`

t.test('run-readme passes when every command and answer is as the page says', async t => {
  const { output, exitCode } = await runPage(
    t,
    `# A page\n\n${block('NAME=missing\ncurl $LATCHKEY/\n# → 200 {"status":"ok",…}')}\nMore.\n${block(
      'curl -i $LATCHKEY/\n# → 200 …X-User: ada…\n\ncurl $LATCHKEY/$NAME\n# → 404\ntest -n "$NAME"',
    )}\n\`\`\`sh\nexit 1\n\`\`\`\n`,
  )
  t.match(output, '# { total: 4, pass: 4 }')
  t.equal(exitCode, 0)
})

t.test('run-readme fails when a command or an answer differs from the page', async t => {
  const pages = {
    'another status': ['curl $LATCHKEY/missing\n# → 200', /expected 200, got 404/],
    'another text': ['curl $LATCHKEY/\n# → 200 {"status":"degraded",…}', /expected the answer/],
    'more text': ['curl $LATCHKEY/\n# → 200 {"status":"ok"', /expected the answer/],
    'a request without an expectation': ['curl $LATCHKEY/', /does not say what this request answers/],
    'two requests for one expectation': ['curl $LATCHKEY/\ncurl $LATCHKEY/\n# → 200', /for one request, not 2/],
    'an expectation without a request': ['true\n# → 200', /for one request, not 0/],
    'a command that fails': ['false\ncurl $LATCHKEY/\n# → 200', /the commands failed/],
    'a variable that is not set': ['curl $LATCHKEY/$NOTHING\n# → 200', /NOTHING: unbound variable/],
  } as const
  for (const [what, [commands, problem]] of Object.entries(pages)) {
    const { output, exitCode } = await runPage(t, block(commands))
    t.match(output, /^not ok 1 - /m, what)
    t.match(output, problem, what)
    t.match(output, '# { total: 1, pass: 0, fail: 1 }', what)
    t.equal(exitCode, 1, what)
  }
})

t.test('run-readme reports the steps after a failed command as failed', async t => {
  const { output } = await runPage(t, block('false\n# → 200\ncurl $LATCHKEY/\n# → 200'))
  t.match(output, 'was not reached')
  t.match(output, '# { total: 2, pass: 0, fail: 2 }')
})

t.test('run-readme fails on a page without commands to run', async t => {
  t.equal((await runPage(t, '```sh\ncurl $LATCHKEY/\n```\n')).exitCode, 1)
})

t.test('a parsed step contains its line number, status and answer', async t => {
  const steps = readSteps(`1\n2\n${block('\ncurl a\n# → 204\n\n# A word.\ncurl b\n# → 200 x')}`)
  t.same(
    steps.map(({ line, expected }) => [line, expected?.status, expected?.answer]),
    [
      [5, 204, ''],
      [8, 200, 'x'],
    ],
  )
})
