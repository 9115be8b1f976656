import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { readWalk } from '../../scripts/readme/read-walk.js'

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

/** Takes the walk of a page against the server. */
async function walk(t: Test, page: string) {
  const path = join(t.testdir({ 'page.md': page }), 'page.md')
  const args = ['--import', import.meta.resolve('tsx'), script, '--at', `http://127.0.0.1:${port}`, path]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { output, exitCode: child.exitCode }
}

const block = (commands: string) => `\`\`\`sh walk\n${commands}\n\`\`\`\n`

t.test('a walk that goes as the page says passes', async t => {
  const { output, exitCode } = await walk(
    t,
    `# A page\n\n${block('NAME=missing\ncurl $LATCHKEY/\n# → 200 {"status":"ok",…}')}\nMore.\n${block(
      'curl -i $LATCHKEY/\n# → 200 …X-User: ada…\n\ncurl $LATCHKEY/$NAME\n# → 404\ntest -n "$NAME"',
    )}\n\`\`\`sh\nexit 1\n\`\`\`\n`,
  )
  t.match(output, '# { total: 4, pass: 4 }')
  t.equal(exitCode, 0)
})

t.test('an expectation that is not met fails the walk', async t => {
  const pages = {
    'another status': ['curl $LATCHKEY/missing\n# → 200', /expected 200, got 404/],
    'another text': ['curl $LATCHKEY/\n# → 200 {"status":"degraded",…}', /expected the answer/],
    'more text': ['curl $LATCHKEY/\n# → 200 {"status":"ok"', /expected the answer/],
    'a request without an expectation': ['curl $LATCHKEY/', /does not say what this request answers/],
    'two requests for one': ['curl $LATCHKEY/\ncurl $LATCHKEY/\n# → 200', /for one request, not 2/],
    'no request': ['true\n# → 200', /for one request, not 0/],
    'a command that fails': ['false\ncurl $LATCHKEY/\n# → 200', /the commands failed/],
    'a name that is not set': ['curl $LATCHKEY/$NOTHING\n# → 200', /NOTHING: unbound variable/],
  } as const
  for (const [what, [commands, problem]] of Object.entries(pages)) {
    const { output, exitCode } = await walk(t, block(commands))
    t.match(output, /^not ok 1 - /m, what)
    t.match(output, problem, what)
    t.match(output, '# { total: 1, pass: 0, fail: 1 }', what)
    t.equal(exitCode, 1, what)
  }
})

t.test('what comes after a failed command is not passed over', async t => {
  const { output } = await walk(t, block('false\n# → 200\ncurl $LATCHKEY/\n# → 200'))
  t.match(output, 'was not reached')
  t.match(output, '# { total: 2, pass: 0, fail: 2 }')
})

t.test('a page without a walk is a mistake', async t => {
  t.equal((await walk(t, '```sh\ncurl $LATCHKEY/\n```\n')).exitCode, 1)
})

t.test('a step knows its line', async t => {
  const steps = readWalk(`1\n2\n${block('\ncurl a\n# → 204\n\n# A word.\ncurl b\n# → 200 x')}`)
  t.same(
    steps.map(({ line, expected }) => [line, expected?.status, expected?.answer]),
    [
      [5, 204, ''],
      [8, 200, 'x'],
    ],
  )
})
