import t from 'tap'
import { ImportError } from '../../../src/domain/import/import-error.js'
import { readAccount } from '../../../src/domain/import/read-account.js'
import { createPasswordHasher } from '../../../src/domain/passwords/password-hasher.js'

const password_hash = '$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW'
const ada = { email: 'ada@example.com', password_hash }
const read = (fields: object) => readAccount(JSON.stringify({ ...ada, ...fields }), () => {})

/** The reason why a line is refused. */
function faultOf(line: string): string {
  try {
    readAccount(line, () => {})
    return 'none'
  } catch (error) {
    if (error instanceof ImportError) return error.message
    throw error
  }
}

t.test('an imported account needs only an e-mail and a hash', async t => {
  t.strictSame(read({}), {
    email: 'ada@example.com',
    earlierEmails: [],
    username: null,
    externalId: null,
    roles: [],
    claims: null,
    metadata: null,
    passwordHash: password_hash,
    mustChangePassword: false,
    disabled: false,
    createdAt: null,
    updatedAt: null,
  })
})

t.test('every field of an account is read in snake_case and camelCase, and normalised', async t => {
  const expected = {
    email: 'ada@example.com',
    earlierEmails: [],
    username: 'ﬁsh'.normalize('NFKC'),
    externalId: '7',
    roles: ['admin', 'editor'],
    claims: { tenant: 'acme' },
    metadata: { note: 'vip' },
    passwordHash: password_hash,
    mustChangePassword: false,
    disabled: true,
    createdAt: new Date('2020-01-02T03:04:05.678Z'),
    updatedAt: new Date('2021-01-02T03:04:05Z'),
  }
  const data = { claims: { tenant: 'acme' }, metadata: { note: 'vip' } }
  const names = { email: ' Ada@EXAMPLE.com ', username: 'ﬁsh', roles: ['admin', 'editor', 'admin'] }
  const common = { ...names, ...data, disabled: true }
  const [created, updated] = ['2020-01-02T03:04:05.678901Z', '2021-01-02T05:04:05+02:00']
  const snake = { external_id: 7, password_hash, created_at: created, updated_at: updated, must_change_password: false }
  const camel = { externalId: '7', passwordHash: password_hash, createdAt: created, updatedAt: updated }
  const line = (fields: object) => readAccount(JSON.stringify({ ...common, ...fields }), () => {})
  t.strictSame(line(snake), expected)
  t.strictSame(line({ ...camel, mustChangePassword: false }), expected)
  t.equal(faultOf(JSON.stringify({ ...common, ...snake, ...camel })), 'Give either created_at or createdAt.')
})

t.test('claims and metadata of an account have the limits that they have here', async t => {
  t.match(read({ claims: {}, metadata: {} }), { claims: null, metadata: null })
  for (const [fields, fault] of [
    [{ claims: ['a'] }, 'The claims cannot be imported: The value is not a JSON object.'],
    [{ claims: { sub: 'x' } }, /^The claims cannot be imported: sub is a name with a meaning in tokens/],
    [{ claims: { a: 'x'.repeat(1000) }, roles: ['r'.repeat(1200)] }, 'The claims are too long beside the roles.'],
    [{ metadata: 'text' }, 'The metadata cannot be imported: The value is not a JSON object.'],
  ] as const)
    t.match(faultOf(JSON.stringify({ ...ada, ...fields })), fault)
})

t.test('hashes with another name in Django are imported in their standard form', async t => {
  const argon2 = '$argon2id$v=19$m=1024,t=2,p=8$d3VSdFBvc1ZTZ1R5ZnRqNDEzT0VaRA$g9aHghsMYSkh0x3xFCXZXg'
  const bcrypt = '$2b$05$Ckt2KOY4L15q2vKIVdK6p.ZGvZCndKdGNAivgSxCJdLmjb8V.Ibiu'
  const digest = 'WjiJW2R7EFXFvJWL7gYnIcr1h3m9El4JvqodWswOHtcvChnARzIflnX3B2jbmgsaKg4DDVVfqCo1Iv5DvScVYg'
  const scrypt = `$scrypt$ln=10,r=8,p=1$c2Vhc2FsdDEyMw$${digest}`
  const bcryptSha256 = 'bcrypt_sha256$$2b$05$aOfPXQ/GGtC3s1sRTrcTpeVmI5TiVttgZ1dBiV6BelrYK5661u4vK'
  const hasher = createPasswordHasher({ concurrency: 1, queue: 1 })
  for (const [inDjango, expected] of [
    [`argon2${argon2}`, argon2],
    [`bcrypt$${bcrypt}`, bcrypt],
    [`scrypt$1024$seasalt123$8$1$${digest}==`, scrypt],
    [bcryptSha256, bcryptSha256],
    [argon2, argon2],
  ] as const) {
    t.equal(read({ password_hash: inDjango }).passwordHash, expected)
    t.equal(await hasher.verify(expected, 'correct horse'), true, inDjango)
    t.equal(await hasher.verify(expected, 'correct horsf'), false)
  }
  for (const hash of [`scrypt$1000$seasalt123$8$1$${digest}==`, `scrypt$0$s$8$1$${digest}==`, 'argon2$', 'bcrypt$!'])
    t.match(faultOf(JSON.stringify({ ...ada, password_hash: hash })), /unknown scheme/, hash)
})

t.test('a null or empty field of an account counts as missing', async t => {
  const empty = {
    username: '',
    external_id: null,
    externalId: '',
    roles: null,
    created_at: '',
    disabled: null,
    '': 'x',
  }
  t.strictSame(read(empty), read({}))
})

t.test('an account whose updated_at equals its created_at must change its password', async t => {
  const at = '2024-05-01T12:00:00.123456+00:00'
  t.equal(read({ created_at: at, updated_at: at }).mustChangePassword, true)
  t.equal(
    read({ createdAt: at, updatedAt: '2024-05-01 14:00:00.1239+02' }).mustChangePassword,
    true,
    'compared to the millisecond',
  )
  t.equal(read({ created_at: at, updated_at: '2024-05-01T12:00:00.124Z' }).mustChangePassword, false)
  t.equal(read({ created_at: at }).mustChangePassword, false)
  t.equal(read({ created_at: at, updated_at: at, must_change_password: false }).mustChangePassword, false)
  t.equal(read({ must_change_password: true }).mustChangePassword, true)
})

t.test('times are read in the formats that databases and programs write', async t => {
  const noon = new Date('2024-05-01T12:00:00Z')
  for (const text of [
    '2024-05-01T12:00:00Z',
    '2024-05-01 12:00:00',
    '2024-05-01T12:00:00.000',
    '2024-05-01 14:30:00+02:30',
    '2024-05-01 05:00:00.000000-07',
    '2024-05-01T12:00:00.000000000+0000',
    '2024-05-01 12:00:00 Z',
  ])
    t.same(read({ created_at: text }).createdAt, noon, text)
  for (const value of [
    '2024-05-01',
    '2024-02-30T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-05-01T25:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '+020240-05-01T00:00:00Z',
    'yesterday',
    1714564800,
    {},
  ])
    t.match(
      faultOf(JSON.stringify({ ...ada, created_at: value })),
      /^The created_at is not a time such as/,
      JSON.stringify(value),
    )
})

t.test('an invalid line is refused with a reason that does not quote it', async t => {
  const cases: [line: string | object, reason: string][] = [
    ['{"email": "ada@example.com"', 'This is not JSON.'],
    ['email,password', 'This is not JSON.'],
    ['[]', 'This is not a JSON object.'],
    ['null', 'This is not a JSON object.'],
    ['"ada"', 'This is not a JSON object.'],
    [{ email: undefined }, 'The email is missing.'],
    [{ email: 'ada' }, 'The email is not an e-mail address.'],
    [{ email: 7 }, 'The email is not an e-mail address.'],
    [{ email: 'a\0@example.com' }, 'The email is not an e-mail address.'],
    [{ email: 'a\uFFFD@example.com' }, 'The email is not an e-mail address.'],
    [{ password_hash: undefined }, 'The password_hash is missing.'],
    [{ password_hash: 'plain text' }, 'The password_hash has an unknown scheme.'],
    [{ password_hash: 7 }, 'The password_hash has an unknown scheme.'],
    [{ username: 7 }, 'The username is not text.'],
    [{ username: 'a'.repeat(321) }, 'The username has more than 320 characters.'],
    [{ username: 'a\0' }, 'The username contains invalid characters.'],
    [{ username: '\uD800' }, 'The username contains invalid characters.'],
    [
      { username: 'bob@example.com' },
      'The username looks like an e-mail address, so it must be the e-mail of the same account.',
    ],
    [{ username: ' \u200B' }, 'The username is empty.'],
    [{ external_id: 1.5 }, 'The external_id is not a whole number below 2^53: write it as text.'],
    [{ external_id: 2 ** 53 }, 'The external_id is not a whole number below 2^53: write it as text.'],
    [{ external_id: {} }, 'The external_id is not text.'],
    [{ roles: 'admin' }, 'The roles are not a list of texts.'],
    [{ roles: [1] }, 'The roles are not a list of texts.'],
    [
      { roles: ['a,b'] },
      'The roles cannot be imported: Use letters, digits, symbols, punctuation except commas, and single spaces between them.',
    ],
    [
      { roles: ['x'.repeat(1100), 'y'.repeat(1100)] },
      'The roles cannot be imported: The roles take 2206 bytes; the maximum is 2144.',
    ],
    [{ disabled: 1 }, 'The disabled is neither true nor false.'],
    [{ must_change_password: 'true' }, 'The must_change_password is neither true nor false.'],
  ]
  for (const [line, reason] of cases) {
    const text = typeof line === 'string' ? line : JSON.stringify({ ...ada, ...line })
    t.equal(faultOf(text), reason, text.slice(0, 80))
  }
})

t.test('ignored fields of an account are reported, because one may be misspelled', async t => {
  const ignored: string[] = []
  readAccount(JSON.stringify({ ...ada, role: 'admin', first_name: 'Ada', ['__proto__']: {} }), name =>
    ignored.push(name),
  )
  t.same(ignored, ['role', 'first_name', '__proto__'])
})
