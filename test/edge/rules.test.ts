import t from 'tap'
import { readRules } from '../../src/edge/read-rules.js'
import type { Rules } from '../../src/edge/rules.js'

const rules = rulesOf(`
rules:
  - prefix: /
    access: signed in
  - prefix: /assets
    access: public
  - prefix: /assets/private
    access: signed in
  - prefix: /admin/
    roles: [admin, owner]
  - prefix: /payments
    methods: [POST, DELETE]
    recent_auth_seconds: 300
    roles: [customer]
  - prefix: /api
    access: signed in
    preflights: true
  - prefix: /café/menu
    access: public
  - prefix: /reports
    methods: [GET]
    access: public
`)

function rulesOf(text: string): Rules {
  const { rules, problems } = readRules(text)
  t.same(problems, [])
  return rules!
}

/** What a request needs, in a word. */
function verdict(target: string, method = 'GET', from = rules): string {
  const found = from.find(method, target)
  if (!found) return 'undecided'
  if (found.access === 'public') return 'public'
  const needs = [...found.roles, ...(found.recentAuthSeconds ? [String(found.recentAuthSeconds)] : [])]
  return needs.length > 0 ? needs.join(' ') : found.preflights ? 'signed in, preflights' : 'signed in'
}

t.test('the longest prefix wins, in whole segments', async t => {
  const cases: [string, string][] = [
    ['/', 'signed in'],
    ['/orders/1', 'signed in'],
    ['/assets', 'public'],
    ['/assets/', 'public'],
    ['/assets/app.js?v=2', 'public'],
    ['/assets/private/key', 'signed in'],
    ['/assetsandmore', 'signed in'],
    ['/admin', 'admin owner'],
    ['/admin/users?page=2', 'admin owner'],
    ['/administrator', 'signed in'],
    ['/api/orders', 'signed in, preflights'],
    ['/caf%C3%A9/menu', 'public'],
    ['/caf%c3%a9/menu/today', 'public'],
  ]
  for (const [target, expected] of cases) t.equal(verdict(target), expected, target)
})

t.test('a rule can be for some methods, and GET includes HEAD', async t => {
  t.equal(verdict('/payments/1', 'POST'), 'customer 300')
  t.equal(verdict('/payments/1', 'post'), 'customer 300', 'some services do not distinguish the case of a method')
  t.equal(verdict('/payments/1', 'GET'), 'signed in')
  t.equal(verdict('/reports', 'HEAD'), 'public')
  t.equal(verdict('/reports', 'PUT'), 'signed in')
  t.equal(verdict('/reports', 'TRACE'), 'signed in')
})

t.test('a path that could be read as one of another route is never decided by the weaker rule', async t => {
  const attacks = [
    '//admin',
    '/./admin',
    '/%2e/admin',
    '/ADMIN',
    '/Admin/users',
    '/%61dmin',
    '/adm%69n/users',
    '/admin%2fusers',
    '/admin%2Fusers',
    '/admin%5cusers',
    '/admin\\users',
    '/admin;a=b/users',
    '/admin%3bx/users',
    '/admin%00',
    '/admin%09/users',
    '/admin%20',
    '/admin.',
    '/admin%2e',
    '/admin%3fx',
    '/admin%23x',
    '/admin#x',
    '/%EF%BD%81dmin',
    '/assets/../admin',
    '/assets/%2e%2e/admin',
    '/assets/%2E%2E/admin',
    '/assets/.%2e/admin',
    '/assets/%252e%252e/admin',
    '/assets/%25252e%25252e/admin',
    '/assets/..%2fadmin',
    '/assets/..%5cadmin',
    '/assets/..\\admin',
    '/assets/..;/admin',
    '/assets/..;x=1/admin',
    '/assets/%2e%2e;/admin',
    '/assets/..%3b/admin',
    '/assets/..%00/admin',
    '/assets/.. /admin',
    '/assets/..%20/admin',
    '/assets/%c0%ae%c0%ae/admin',
    '/assets/%u002e%u002e/admin',
    '/assets/%zz../admin',
    '/assets/%',
    '/assets/%EF%BC%8E%EF%BC%8E/admin',
    '/assets/\u00ef\u00bc\u008e\u00ef\u00bc\u008e/admin',
    '/assets//private/key',
    '/assets/./private/key',
    '/assets/PRIVATE/key',
    '/assets/%70rivate/key',
    '/assets;x/private/key',
    '/assets/private%2fkey',
    '/assets/x/../private/key',
    '/assets%2f..%2fadmin',
    '/assets/a%2f..%2f..%2fadmin',
    '/assets/a%252f..%252f..%252fadmin',
    'http://service/admin',
    'admin',
    '',
    '*',
    '/assets\t/../admin',
    '/assets, /admin',
    '/caf%65%CC%81/menu',
    '/%EF%BC%8Fadmin',
    '/admin%EF%BC%9Bx',
    '/adm%C2%ADin',
    '/%20admin',
    '/admin::$DATA',
    '/admin.json',
    '/Admin.xml',
    `/assets/${'a%20'.repeat(9_000)}`,
  ]
  for (const target of attacks) t.equal(verdict(target), 'undecided', JSON.stringify(target))
})

t.test('an unusual path is decided if every reading of it needs the same', async t => {
  const cases: [string, string][] = [
    ['/orders/a%2Fb', 'signed in'],
    ['/orders//1', 'signed in'],
    ['/orders/a;v=1', 'signed in'],
    ['/orders/ORD-1', 'signed in'],
    ['/orders/caf%C3%A9%20au%20lait', 'signed in'],
    ['/orders/100%25', 'signed in'],
    ['/assets/a%20b.png', 'public'],
    [`/assets/${'a'.repeat(60_000)}`, 'public'],
    ['/assets/a@2x,b+c=d!.png', 'public'],
    ['/.well-known/security.txt', 'signed in'],
    ['/orders/.hidden/..name', 'signed in'],
    ['/admin/a%2Fb', 'admin owner'],
    ['/orders?next=//admin/../..', 'signed in'],
  ]
  for (const [target, expected] of cases) t.equal(verdict(target), expected, target)
  const one = rulesOf('rules: [{ prefix: /, roles: [editor] }]')
  for (const target of ['//x/../%2e%2e/', '*', '/%zz', '/..;/a'])
    t.equal(verdict(target, 'GET', one), 'editor', `only one rule: ${target}`)
})

t.test('a path with an extension is ambiguous only where the path without it needs something else', async t => {
  t.equal(verdict('/orders.json'), 'signed in')
  t.equal(verdict('/admin/users.json'), 'admin owner')
  t.equal(verdict('/admin.json/users'), 'signed in', 'it is no format there')
  t.equal(verdict('/administrator.json'), 'signed in')
  const named = rulesOf(`
rules:
  - prefix: /admin
    roles: [admin]
  - prefix: /admin.json
    access: public`)
  t.equal(verdict('/admin.json', 'GET', named), 'public', 'a rule says what it is')
  t.equal(verdict('/admin.xml', 'GET', named), 'undecided')
})

t.test('a long path of dots or spaces is refused without reading it', async t => {
  // Reading them with a regular expression that goes back would take minutes.
  for (const part of ['.', '%20', '. ', '%252e', ';', '/.', '%2f'])
    t.equal(verdict(`/assets/${part.repeat(400_000)}x`), 'undecided', part)
})

t.test('ten thousand rules are read', async t => {
  const many = Array.from({ length: 10_000 }, (_, at) => ({ prefix: `/a${at}`, access: 'public' }))
  const { problems } = readRules(JSON.stringify({ rules: [...many, { prefix: '/A7', access: 'signed in' }] }))
  t.match(problems, [/rules\[10000\] is for the same requests as rules\[7\]: keep one/])
})

t.test('a route for which no rule is given needs a valid token', async t => {
  const few = rulesOf('{"rules": [{"prefix": "/assets", "access": "public"}]}')
  t.equal(verdict('/assets/a', 'GET', few), 'public', 'JSON is YAML too')
  t.equal(verdict('/orders', 'GET', few), 'signed in')
  t.equal(verdict('/assets/../orders', 'GET', few), 'undecided')
})

t.test('each mistake in the rules is named with its line', async t => {
  const cases: [text: string, says: string | RegExp][] = [
    [
      'rules:\n  - prefix: /a\n    acess: public',
      'line 3: rules[0].acess does not exist: the fields of a rule are prefix, methods, access, roles, recent_auth_seconds, preflights.',
    ],
    [
      'rules:\n  - access: public',
      'line 2: rules[0] has no prefix: write the path that it is for, such as `prefix: /orders`.',
    ],
    ['rules:\n  - prefix: /a\n\n    access: open', 'line 4: rules[0].access must be `public` or `signed in`.'],
    [
      'rules:\n  - prefix: /a\n    roles: editor',
      'line 3: rules[0].roles must be a list with one or more roles, such as [editor, admin].',
    ],
    ['rules:\n  - prefix: /a\n    roles: []', /^line 3: rules\[0\]\.roles must be a list/],
    ['rules:\n  - prefix: /a\n    roles:', /^line 3: rules\[0\]\.roles must be a list|^line 2/],
    ['rules:\n  - prefix: /a\n    roles: [1]', /^line 3: rules\[0\]\.roles must/],
    [
      'rules:\n  - prefix: /a\n    access: public\n    roles: [a]',
      'line 2: rules[0] is public and names a user too: remove `access`, or roles and recent_auth_seconds.',
    ],
    ['rules:\n  - prefix: /a', /^line 2: rules\[0\] does not say what it needs/],
    [
      'rules:\n  - prefix: /a\n    access: public\n    preflights: true\n  - prefix: /A\n    access: signed in',
      'line 5: rules[1] is for the same requests as rules[0]: keep one.',
    ],
    [
      'rules:\n  - prefix: /a\n    methods: [GET]\n    access: public\n  - prefix: /a/\n    methods: [HEAD]\n    roles: [x]',
      /^line 5: rules\[1\] is for the same requests/,
    ],
    [
      'rules:\n  - prefix: /a\n    methods: get\n    access: public',
      /^line 3: rules\[0\]\.methods must be a list of methods in upper case/,
    ],
    [
      'rules:\n  - prefix: /a\n    recent_auth_seconds: 5m',
      /^line 3: rules\[0\]\.recent_auth_seconds must be a whole number/,
    ],
    ['rules:\n  - prefix: orders\n    access: public', /^line 2: rules\[0\]\.prefix must begin with a slash/],
    ['rules:\n  - prefix: /a/*\n    access: public', /^line 2: rules\[0\]\.prefix must be a path without \? \* and #/],
    ['rules:\n  - prefix: /a/../b\n    access: public', /^line 2: rules\[0\]\.prefix must be a plain path/],
    ['rules:\n  - prefix: /a//b\n    access: public', /^line 2: rules\[0\]\.prefix must be a plain path/],
    ['rules:\n  - prefix: /%61\n    access: public', /^line 2: rules\[0\]\.prefix must be a plain path/],
    ['rules:\n  - prefix: /a\n    access: public\n    access: signed in', /^line \d: Map keys must be unique/],
    ['rules:\n  - prefix: /a\n   access: public', /^line 3: /],
    ['rules:\n  - prefix: "/\\ud800"\n    access: public', /^line 2: rules\[0\]\.prefix must be a plain path/],
    [
      'rules:\n  - prefix: /a\n    roles: &r [a]\n  - prefix: /b\n    roles: *r',
      /^line 5: rules\[1\]\.roles is an alias/,
    ],
    ['rules: all', /^line 1: the file must have a list named `rules`, and nothing else/],
    ['rules: []\ndefault: public', /^line 1: the file must have a list/],
    ['rules:\n  - /a', /^line 2: rules\[0\] must have a `prefix`/],
    ['# nothing', /^line 1: the file must have a list/],
    ['{"rules": [\n{"prefix": "/a" "access": "public"}]}', /^line 2: /],
  ]
  for (const [text, says] of cases) {
    const { rules, problems } = readRules(text)
    t.equal(rules, undefined, text)
    t.match(problems[0], says, text)
  }
})
