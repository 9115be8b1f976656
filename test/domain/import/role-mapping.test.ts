import t from 'tap'
import { readAccount } from '../../../src/domain/import/read-account.js'
import { readRoleMapping } from '../../../src/domain/import/role-mapping.js'

const ADA = { email: 'ada@example.com', password_hash: '!' }

/** The imported roles of an account that has these roles in the other system. */
function mapped(mapping: object | string, ...roles: unknown[]): readonly string[] {
  const mapRoles = readRoleMapping(typeof mapping === 'string' ? mapping : JSON.stringify(mapping))
  return readAccount(JSON.stringify({ ...ADA, roles }), () => {}, { mapRoles }).roles
}

t.test('a role is mapped to one, several or no roles, and an unmapped role stays as it is', async t => {
  const mapping = { Editor: 'editor', 'CN=Staff,DC=example': ['staff', 'it'], Guest: null, Nobody: [] }
  t.strictSame(mapped(mapping, 'Editor'), ['editor'])
  t.strictSame(mapped(mapping, 'CN=Staff,DC=example', 'Editor'), ['staff', 'it', 'editor'])
  t.strictSame(mapped(mapping, 'Guest', 'Nobody', 'Content Editor'), ['Content Editor'])
  t.strictSame(mapped(mapping), [])
  t.strictSame(mapped({ a: 'b', b: 'c' }, 'a'), ['b'], 'a mapped role is not mapped again')
  t.strictSame(mapped({ a: 'x', b: 'x' }, 'a', 'b', 'x'), ['x'], 'no role twice')
  t.strictSame(mapped({ '\u00C9diteur': 'editor' }, 'E\u0301diteur'), ['editor'], 'in either Unicode form')
})

t.test('only a role that the mapping names becomes admin', async t => {
  t.strictSame(mapped({ Root: 'admin', admin: 'site-admin' }, 'admin'), ['site-admin'])
  t.strictSame(mapped({ Root: 'admin' }, 'Root'), ['admin'])
  t.strictSame(mapped({ admin: 'admin' }, 'admin'), ['admin'])
  t.strictSame(mapped({ admin: null }, 'admin', 'editor'), ['editor'])
  t.strictSame(mapped({ Admin: 'editor' }, 'Admin'), ['editor'])
  t.throws(() => mapped({ Root: 'admin' }, 'admin'), {
    name: 'ImportError',
    message: /The role admin is not in the role/,
  })
  t.throws(() => mapped({}, 'admin'), { message: /The role admin is not in the role mapping/ })
  t.throws(() => mapped({ Root: 'admin' }, 'Admin'), { message: /must be spelt exactly admin/ })
  t.strictSame(mapped('{"__proto__": "editor"}', 'constructor', 'toString'), ['constructor', 'toString'])
  t.strictSame(mapped('{"__proto__": "editor"}', '__proto__'), ['editor'])
})

t.test('an invalid role mapping is refused with the reason', async t => {
  const many = Array.from({ length: 33 }, (_, n) => `${n}`.padStart(64, 'x'))
  for (const [json, message] of [
    ['', 'it is not JSON.'],
    ['{"a": "b"', 'it is not JSON.'],
    ['[]', 'it is not a JSON object.'],
    ['null', 'it is not a JSON object.'],
    ['"editor"', 'it is not a JSON object.'],
    ['{"a": 1}', '"a" must be mapped to a text, a list of texts, or null.'],
    ['{"a": {"b": "c"}}', '"a" must be mapped to a text, a list of texts, or null.'],
    ['{"a": ["b", null]}', '"a" must be mapped to a text, a list of texts, or null.'],
    ['{"a": [["b"]]}', '"a" must be mapped to a text, a list of texts, or null.'],
    ['{"a": true}', '"a" must be mapped to a text, a list of texts, or null.'],
    [
      '{"a": "b,c"}',
      '"a" is mapped to an invalid role. Use letters, digits, symbols, punctuation except commas, and single spaces between them.',
    ],
    ['{"a": ""}', /^"a" is mapped to an invalid role/],
    ['{"a": "ADMIN"}', /^"a" .+ A role that looks like admin must be spelt exactly admin\.$/],
    [JSON.stringify({ a: many }), /^"a" .+ The roles take 2211 bytes; the maximum is 2144\.$/],
    ['{"\u00C9": "a", "E\u0301": "b"}', '"E\u0301" appears twice, in two Unicode forms.'],
  ] as const)
    t.throws(() => readRoleMapping(json), { message }, json.slice(0, 40))
})
