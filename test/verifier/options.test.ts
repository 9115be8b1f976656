import { createVerifier, type VerifierOptions } from '@latchkey/verifier'
import t from 'tap'
import { startVerifier } from './verifiers.js'

const issuer = 'http://127.0.0.1:9'

t.test('a wrong option is refused at once, with its name', async t => {
  const wrong: [string, Record<string, unknown>][] = [
    ['issuer', { issuer: undefined }],
    ['issuer', { issuer: '' }],
    ['issuer', { issuer: 5 }],
    ['issuer', { issuer: 'our tokens' }],
    ['issuer', { issuer: 'ftp://example.com' }],
    ['issuer', { issuer: 'https://user:password@example.com' }],
    ['issuer', { issuer: 'https://user@example.com' }],
    ['issuer', { issuer: 'https://example.com/?tenant=1' }],
    ['issuer', { issuer: `https://example.com/${'i'.repeat(1000)}` }],
    ['audience', { audience: '' }],
    ['audience', { audience: ['a', 'b'] }],
    ['baseUrl', { baseUrl: 'latchkey:3000' }],
    ['baseUrl', { baseUrl: '' }],
    ['baseUrl', { baseUrl: 'http://latchkey:3000/#x' }],
    ['client.id', { client: {} }],
    ['client.id', { client: null }],
    ['client.id', { client: 'id:secret' }],
    ['client.secret', { client: { id: 'a', secret: undefined } }],
    ['client.secret', { client: { id: 'a', secret: '' } }],
    ['name', { name: '' }],
    ['name', { name: 'orders service' }],
    ['name', { name: 'n'.repeat(65) }],
    ['maxStalenessSeconds', { maxStalenessSeconds: 4 }],
    ['maxStalenessSeconds', { maxStalenessSeconds: 3601 }],
    ['maxStalenessSeconds', { maxStalenessSeconds: 60.5 }],
    ['maxStalenessSeconds', { maxStalenessSeconds: '60' }],
    ['clockToleranceSeconds', { clockToleranceSeconds: -1 }],
    ['clockToleranceSeconds', { clockToleranceSeconds: 31 }],
    ['cacheSize', { cacheSize: 0 }],
    ['cacheSize', { cacheSize: 10_000_001 }],
    ['reportActivity', { reportActivity: 'yes' }],
    ['fetch', { fetch: 'https' }],
    ['log', { log: { info() {} } }],
    ['log', { log: null }],
    ['maxStaleness', { maxStaleness: 60 }],
  ]
  for (const [name, options] of wrong) {
    const create = () => createVerifier({ issuer, ...options } as VerifierOptions)
    t.throws(
      create,
      { name: 'TypeError', message: new RegExp(`\`${name.replace('.', '\\.')}\``) },
      JSON.stringify(options),
    )
  }
  t.throws(() => createVerifier(undefined as never), TypeError)
})

t.test('an issuer that is no address is valid if there is a baseUrl', async t => {
  const verifier = startVerifier(t, { issuer: 'our tokens', baseUrl: issuer })
  t.equal(verifier.status().mode, 'offline')
})

t.test('an error about an option does not contain the secret', async t => {
  const secret = 'lk_cs_secret'
  try {
    createVerifier({ issuer, client: { id: '', secret } })
    t.fail('accepted')
  } catch (error) {
    t.notMatch(String((error as Error).stack), secret)
  }
})

t.test('without an option, problems are written to the console, and nothing else is', async t => {
  const written: string[] = []
  const { warn, error, info, log } = console
  const write = (message: string) => void written.push(message)
  Object.assign(console, { warn: write, error: write, info: write, log: write })
  t.teardown(() => Object.assign(console, { warn, error, info, log }))
  const verifier = createVerifier({ issuer: 'http://127.0.0.1:9' })
  t.teardown(() => verifier.close())
  await t.rejects(verifier.ready({ timeoutMs: 300 }), { code: 'keys_unavailable' })
  t.match(written, [/^latchkey verifier: verifies offline/, /^latchkey verifier: the public keys cannot be read/])
  t.equal(written.length, 2)
})
