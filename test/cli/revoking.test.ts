import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'

const credentials = { email: 'ann@example.com', password: 'a passphrase of their own', transport: 'body' }

t.test('a running service applies what an operator revokes on the command line within 5 s', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env })
  const client = new HttpClient(service.url)
  t.teardown(() => client.close())
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runLatchkey(args, { env })
    t.match({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
    return stdout
  }
  const becomes = async (token: string, wanted: string) => {
    const end = performance.now() + 5000
    for (;;) {
      const { status, body } = await client.post('/auth/verify', { token })
      const said = status === 200 ? 'live' : body.code
      if (said === wanted || performance.now() > end) return t.equal(said, wanted)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  let { body } = await client.post('/auth/register', credentials)
  const refresh = async () => {
    const answer = await client.post('/auth/refresh', { refresh_token: body.refresh_token })
    t.equal(answer.status, 200)
    body = answer.body
  }

  t.match(await run('users', 'roles', credentials.email, 'editor', 'author'), 'has the roles editor, author')
  await becomes(body.access_token, 'token_stale')
  await refresh()
  t.strictSame(body.user.roles, ['editor', 'author'])
  await becomes(body.access_token, 'live')

  const kid = JSON.parse(Buffer.from(body.access_token.split('.')[0], 'base64url').toString()).kid
  t.match(await run('keys', 'revoke', kid), /Created signing key .*, which signs from now on/)
  await becomes(body.access_token, 'token_stale')
  await refresh()
  await becomes(body.access_token, 'live')
  t.match(await run('keys', 'list'), new RegExp(`${kid}.*revoked`))

  await run('sign-out-everyone')
  await becomes(body.access_token, 'token_revoked')
  t.match(await client.post('/auth/refresh', { refresh_token: body.refresh_token }), { status: 401 })
  t.match(await client.post('/auth/login', credentials), { status: 200 })

  const again = await runLatchkey(['keys', 'revoke', kid], { env })
  t.match(again, { code: 3, stderr: /Signing key not found/ })
  for (const unknown of ['-h'.padEnd(43, 'x'), '--'.padEnd(43, '-')])
    t.match(
      await runLatchkey(['keys', 'revoke', unknown], { env }),
      { code: 3, stderr: /Signing key not found/ },
      'one key id in 64 begins like an option',
    )
  const roles = (...given: string[]) => runLatchkey(['users', 'roles', credentials.email, ...given], { env })
  t.match(await roles(), { code: 64, stdout: '', stderr: /^error: give the roles, or --none to remove all\./ })
  t.match(await roles('admin', '--none'), { code: 64, stdout: '', stderr: /^error: give roles or --none, not both/ })
  t.match(await run('users', 'show', credentials.email), /roles: +editor, author\n/, 'nothing was changed')
  t.match(await run('users', 'roles', credentials.email, '--none'), 'has no roles.')
  t.match(await runLatchkey(['users', 'roles', credentials.email, 'a,b'], { env }), {
    code: 1,
    stderr: /role is not valid/,
  })
})
