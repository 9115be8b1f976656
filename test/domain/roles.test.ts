import { encodableRoles, encodedRole, ROLES_MAX_BYTES } from '@latchkey/verifier/core'
import fc from 'fast-check'
import t from 'tap'
import { normaliseRoles, roleNamed } from '../../src/domain/accounts/roles.js'
import { LatchkeyError } from '../../src/lib/errors.js'

/** Why roles are refused. */
function faultOf(...roles: string[]): string | undefined {
  try {
    normaliseRoles(roles)
    return undefined
  } catch (error) {
    if (error instanceof LatchkeyError && error.code === 'invalid_role') return error.detail
    throw error
  }
}

const OF_OTHER_SYSTEMS = [
  'Content Editor',
  '/staff/it',
  'arn:aws:iam::123456789012:role/ops+read@eu',
  '\u00C9diteur',
  '\u7DE8\u96C6\u8005',
  '\u0938\u0902\u092A\u093E\u0926\u0915',
  '\u{1F511}',
  `"it's" \\ {a} (b) [c] <d> R&D 100% a=b;c`,
  'NULL',
  'x'.repeat(300),
]

t.test('roles of other systems are accepted as they are', async t => {
  for (const role of OF_OTHER_SYSTEMS) {
    t.strictSame(normaliseRoles([role]), [role])
    t.strictSame(encodableRoles([role]), [role])
    t.equal(roleNamed(role), role)
  }
})

t.test('roles with invisible characters, commas or unusual spaces are refused and not carried', async t => {
  for (const role of [
    '',
    ' ',
    ' editor',
    'editor ',
    'content  editor',
    'content\u00A0editor',
    'content\u3000editor',
    'content\teditor',
    'editor\n',
    'a,b',
    'ed\u200Bitor',
    'ed\u200Ditor',
    'ed\u00ADitor',
    '\u202Eeditor',
    '\u3164',
    '\u2800',
    'a\u034Fb',
    'a\uFE0F',
    'a\0b',
    'a\u0085b',
    'a\uFFFD',
    'a\uD800b',
    'a\uE000',
    '\u{E0041}',
  ]) {
    t.match(faultOf(role), /^Use letters/, JSON.stringify(role))
    t.strictSame(encodableRoles([role]), [], JSON.stringify(role))
    t.throws(() => roleNamed(role), { code: 'invalid_role' }, JSON.stringify(role))
  }
})

t.test('two Unicode spellings of a role are one role, and characters that only look alike stay distinct', async t => {
  t.strictSame(normaliseRoles(['E\u0301diteur', '\u00C9diteur', 'editor', 'editor']), ['\u00C9diteur', 'editor'])
  t.equal(roleNamed('E\u0301diteur'), '\u00C9diteur')
  t.strictSame(normaliseRoles(['\uFF11', '1', '\uFB01', 'fi', 'Editor', 'editor']).length, 6)
  t.strictSame(encodableRoles(['E\u0301diteur']), [], 'not if the database has the other spelling')
})

t.test('a role that reads as admin in another spelling is refused', async t => {
  t.strictSame(normaliseRoles(['admin', 'administrator', 'admin2', 'site-admin', 'CORP\\admin']).length, 5)
  for (const role of [
    'ADMIN',
    'Admin',
    'adMin',
    '\uFF41\uFF44\uFF4D\uFF49\uFF4E',
    '\uFF21dmin',
    'adm\u0131n',
    '\u{1D41A}\u{1D41D}\u{1D426}\u{1D422}\u{1D427}',
    '\u24D0\u24D3\u24DC\u24D8\u24DD',
    'ad\\min',
    '\\Admin',
  ])
    t.equal(faultOf('editor', role), 'A role that looks like admin must be spelt exactly admin.', role)
  for (const role of ['ad\u200Bmin', 'admin\u2060', '\uFEFFadmin', 'ad\u00ADmin', 'admin\uFE0E', 'admin '])
    t.match(faultOf(role), /^Use letters/)
})

t.test('the roles together are limited to 2144 bytes, which the error says', async t => {
  const many = Array.from({ length: 32 }, (_, n) => `${n}`.padStart(64, 'x'))
  t.strictSame(normaliseRoles(many), many, 'as many as the previous version accepted')
  t.strictSame(encodableRoles(many), many)
  t.equal(faultOf(...many, 'x'), 'The roles take 2148 bytes; the maximum is 2144.')
  t.equal(normaliseRoles(Array.from({ length: 300 }, (_, n) => `r${n}`)).length, 300, 'there may be many short roles')
  t.equal(normaliseRoles(Array(5000).fill('editor')).length, 1, 'a repeated role counts once')
  t.equal(faultOf('\u7DE8'.repeat(238)), 'The roles take 2145 bytes; the maximum is 2144.', 'counted as encoded')
  t.equal(faultOf('x'.repeat(5000)), 'The roles take 5003 bytes; the maximum is 2144.')
})

t.test('if not all roles can be carried, those that fit are carried', async t => {
  const large = 'x'.repeat(2100)
  const exact = 'z'.repeat(29)
  t.strictSame(encodableRoles([large, 'y'.repeat(60), 'editor', exact, 'a']), [large, 'editor', exact])
  t.strictSame(encodableRoles(['x'.repeat(2142), 'editor']), ['editor'])
  t.strictSame(encodableRoles(['editor', 7, null, {}] as string[]), ['editor'])
})

t.test('plain roles are not encoded, and all others are encoded as in RFC 3986', async t => {
  for (const role of ['editor', 'a_b.c:d-e', 'X1']) t.equal(encodedRole(role), role)
  t.equal(encodedRole('Content Editor'), 'Content%20Editor')
  t.equal(encodedRole('/staff/it'), '%2Fstaff%2Fit')
  t.equal(encodedRole('\u00C9diteur'), '%C3%89diteur')
  t.equal(encodedRole("!~*'()%3A:"), '%21%7E%2A%27%28%29%253A:')
})

t.test('splitting the header of roles at commas and decoding each part gives the roles, within the limit', async t => {
  const role = fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 40 }))
  fc.assert(
    fc.property(fc.array(fc.oneof(role, fc.constantFrom(...OF_OTHER_SYSTEMS)), { maxLength: 60 }), given => {
      const roles = encodableRoles(given)
      const header = roles.map(encodedRole).join(',')
      const read = header === '' ? [] : header.split(',').map(decodeURIComponent)
      t.strictSame(read, roles)
      t.match(header, /^[A-Za-z0-9_.:%,-]*$/)
      t.ok(header.length <= ROLES_MAX_BYTES)
      t.ok(Buffer.byteLength(JSON.stringify(roles)) <= ROLES_MAX_BYTES + 1)
      if (new Set(roles).size === roles.length && !roles.some(name => /^admin$/i.test(name)))
        t.strictSame(normaliseRoles(roles), roles, 'carried roles can be assigned')
    }),
    { numRuns: 300 },
  )
})
