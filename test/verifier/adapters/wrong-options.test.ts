import { createVerifier, type Verifier } from '@latchkey/verifier'
import * as express from '@latchkey/verifier/express'
import latchkey, { createGuards } from '@latchkey/verifier/fastify'
import * as http from '@latchkey/verifier/http'
import { createRenew } from '@latchkey/verifier/renew'
import * as web from '@latchkey/verifier/web'
import Fastify from 'fastify'
import t, { type Test } from 'tap'

type Start = (options: object) => unknown

const renew = createRenew({ baseUrl: 'http://127.0.0.1:9' })

function adaptersOf(verifier: Verifier): Record<string, Start> {
  return {
    'the plugin of Fastify': async options => {
      const app = Fastify()
      try {
        await app.register(latchkey, { verifier, ...options })
      } finally {
        await app.close()
      }
    },
    createGuards: options => createGuards(verifier, options),
    'authenticate of Express': options => express.authenticate(verifier, options),
    authenticateRequest: options => http.authenticateRequest(verifier, { headers: {} }, options),
    'authenticate of web': options => web.authenticate(verifier, new Request('http://service.test'), options),
    protect: options => web.protect(verifier, () => new Response(), options),
  }
}

/** What no adapter accepts, and the option that the error names. */
const WRONG: [option: string, options: object][] = [
  ['role', { role: ['admin'] }],
  ['maxAge', { maxAge: 300 }],
  ['cookies', { cookies: 'access' }],
  ['toString', { toString: 1 }],
  ['errors', { errors: 'Throw' }],
  ['renew', { cookie: 'access', renew: true }],
  ['renew', { renew }],
  ['cookie', { cookie: null }],
  ['cookie', { cookie: 5 }],
  ['cookie', { cookie: '' }],
  ['cookie', { cookie: 'access; session' }],
  ['cookie', { cookie: '__Host-latchkey' }],
  ['cookie', { cookie: 'session', renew: createRenew({ baseUrl: 'http://a', refreshCookie: 'session' }) }],
  ['origins', { origins: 'https://app.example.com' }],
  ['origins', { origins: [5] }],
  ['origins', { origins: ['app.example.com'] }],
  ['origins', { origins: ['https://app.example.com', 'https://app.example.com/'] }],
  ['optional', { optional: 'no' }],
  ['roles', { roles: 'admin' }],
  ['roles', { roles: [] }],
  ['roles', { roles: ['admin', ''] }],
  ['maxAgeSeconds', { maxAgeSeconds: '300' }],
  ['maxAgeSeconds', { maxAgeSeconds: 0 }],
  ['maxAgeSeconds', { maxAgeSeconds: 1.5 }],
]

function offlineVerifier(t: Test): Verifier {
  const silent = { info() {}, warn() {}, error() {} }
  const verifier = createVerifier({ issuer: 'http://127.0.0.1:9', log: silent })
  t.teardown(() => verifier.close())
  return verifier
}

t.test('each adapter refuses options that do not exist and values of the wrong kind, with the name', async t => {
  for (const [adapter, start] of Object.entries(adaptersOf(offlineVerifier(t))))
    for (const [option, options] of WRONG)
      await t.rejects(
        (async () => start(options))(),
        { name: 'TypeError', message: new RegExp(`\`${option}\``) },
        `${adapter}: ${option}`,
      )
})

t.test('each adapter refuses what is no verifier', async t => {
  for (const wrong of [undefined, {}, { issuer: 'http://127.0.0.1:9' }])
    for (const [adapter, start] of Object.entries(adaptersOf(wrong as never)))
      await t.rejects((async () => start({}))(), { name: 'TypeError', message: /createVerifier/ }, adapter)
})

t.test('the error says what exists and what is allowed', async t => {
  const verifier = offlineVerifier(t)
  t.throws(() => web.protect(verifier, () => new Response(), { role: ['admin'] } as never), {
    message: /Known: cookie, origins, renew, roles, maxAgeSeconds$/,
  })
  t.throws(() => express.authenticate(verifier, { errors: 'Throw' } as never), { message: /'answer' or 'next'$/ })
  t.throws(() => createGuards(verifier, { errors: 'next' } as never), { message: /'answer' or 'throw'$/ })
  t.throws(() => createGuards(verifier, 'access' as never), TypeError)
  t.throws(() => web.protect(verifier, { roles: ['admin'] } as never), TypeError)
})

t.test('no adapter of handlers that need a principal admits requests without one', async t => {
  const verifier = offlineVerifier(t)
  const optional = { optional: true } as never
  t.throws(() => web.protect(verifier, () => new Response(), optional), TypeError)
  t.throws(() => createGuards(verifier, optional), TypeError)
})

t.test('no options, empty options and undefined ones are valid, and those that Fastify adds', async t => {
  const verifier = offlineVerifier(t)
  for (const [adapter, start] of Object.entries(adaptersOf(verifier)))
    for (const options of [{}, { cookie: undefined }, { cookie: '__Host-latchkey-at', renew, origins: [] }])
      await (async () => start(options))().catch((error: unknown) =>
        t.match(error, { code: 'authentication_required' }, adapter),
      )
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(latchkey, { verifier, prefix: '/orders', logLevel: 'warn' } as never)
  t.ok(app.hasRequestDecorator('principal'))
})

t.test('createRenew refuses missing and unknown options', async t => {
  t.throws(() => (createRenew as () => unknown)(), { name: 'TypeError', message: /options must be an object/ })
  for (const [option, options] of [
    ['baseUrl', {}],
    ['url', { url: 'http://latchkey' }],
    ['clientAddress', { baseUrl: 'http://latchkey', clientAddress: '127.0.0.1' }],
    ['warn', { baseUrl: 'http://latchkey', warn: true }],
  ] as const)
    t.throws(() => createRenew(options as never), { name: 'TypeError', message: new RegExp(`\`${option}\``) })
})

t.test('ready() refuses a time that is no number', async t => {
  const verifier = offlineVerifier(t)
  for (const timeoutMs of ['x', Number.NaN, -1, 1.5, 2 ** 31, null])
    await t.rejects(verifier.ready({ timeoutMs } as never), { name: 'TypeError', message: /`timeoutMs`/ })
  await t.rejects(verifier.ready({ timeout: 5 } as never), { name: 'TypeError', message: /`timeout`/ })
})
