import t from 'tap'
import {
  checkNewPassword,
  type NewPasswordRules,
  PASSWORD_MAX_LENGTH,
} from '../../../src/domain/passwords/check-new-password.js'
import type { LatchkeyError } from '../../../src/lib/errors.js'

const email = 'Alice.Liddell@Example.com'

function refusalOf(password: string, rules: NewPasswordRules = { email, minLength: 8 }): LatchkeyError | undefined {
  try {
    checkNewPassword(password, rules)
    return undefined
  } catch (error) {
    return error as LatchkeyError
  }
}

const refusal = (...asked: Parameters<typeof refusalOf>) => refusalOf(...asked)?.code

t.test('a password of 8 to 256 characters is accepted, whatever they are', async t => {
  for (const password of [
    '92746153',
    'a b c d ',
    'correct horse battery staple',
    '\u{1F511}\u{1F512}'.repeat(4),
    'xy'.repeat(128),
  ]) {
    t.equal(refusal(password), undefined, password)
  }
})

t.test('a password shorter than the minimum is too short', async t => {
  t.equal(refusal(''), 'password_too_short')
  t.equal(refusal('1234567'), 'password_too_short')
  t.equal(refusal('elevenchars', { email, minLength: 12 }), 'password_too_short')
  t.equal(refusal('twelve chars', { email, minLength: 12 }), undefined)
})

t.test('a password longer than 256 characters is too long', async t => {
  t.equal(PASSWORD_MAX_LENGTH, 256)
  t.equal(refusal('x'.repeat(257)), 'password_too_long')
})

t.test('the length of a password is counted in code points of its NFKC form', async t => {
  t.equal(refusal('\u{1F511}'.repeat(7)), 'password_too_short', 'fourteen UTF-16 units are seven characters')
  t.equal(refusal('e\u0301'.repeat(7)), 'password_too_short', 'fourteen code points compose to seven')
  t.equal(refusal('\u{1F511}\u{1F512}'.repeat(128)), undefined)
  t.equal(refusal('\uFDFA'.repeat(15)), 'password_too_long', 'one ligature stands for eighteen characters')
})

t.test('a password of only white space or invisible characters is blank, however long', async t => {
  const nothing = {
    spaces: ' ',
    tabs: '\t',
    'line breaks': '\r\n',
    'no-break spaces': '\u00A0',
    'ideographic spaces': '\u3000',
    'zero-width spaces': '\u200B',
    joiners: '\u200D',
    'soft hyphens': '\u00AD',
    'byte order marks': '\uFEFF',
    'direction marks': '\u202E',
    'variation selectors': '\uFE0F',
    tags: '\u{E0041}',
    'control characters': '\0\x07\x7F\x9B',
    'blank Braille patterns': '\u2800',
    'Hangul fillers': '\u3164\uFFA0\u115F',
    'lone surrogates': '\uD800',
  }
  for (const [name, characters] of Object.entries(nothing))
    t.equal(refusal(characters.repeat(12)), 'password_blank', name)
  t.equal(refusal(Object.values(nothing).join('')), 'password_blank', 'all of them')
  t.equal(refusal(' '), 'password_blank', 'blank is reported before too short')
})

t.test('extra spaces and invisible characters make no password longer and no common password acceptable', async t => {
  t.equal(refusal('       a'), 'password_too_short')
  t.equal(refusal('a           b'), 'password_too_short')
  t.equal(refusal(`seven 7${'\u200B'.repeat(9)}`), 'password_too_short')
  t.equal(refusal('\u200Bs\u2060even\u00AD 7'), 'password_too_short')
  t.match(refusalOf('a           b')?.detail, /Spaces in a row count as one/)
  for (const password of [' password ', 'pass\u200Bword', 'password\u2800', 'trust\u00ADno1', '\u3000latchkey'])
    t.equal(refusal(password), 'password_too_common', password)
  t.equal(refusal('alice.\u200Bliddell '), 'password_is_email')
})

t.test('a password of one repeated character is refused, however long', async t => {
  const repeated = [
    'zzzzzzzz',
    '\u2603'.repeat(8),
    '\u{1F511}'.repeat(256),
    'ZzZzZzZz',
    'z z z z z',
    '\u2603\uFE0F'.repeat(8),
  ]
  for (const password of [...repeated, 'z\u200Bz\u200Bz\u200Bz\u200Bz\u200Bz\u200Bz\u200Bz'])
    t.equal(refusal(password), 'password_too_common', password)
  t.equal(refusal('zzzzzzzy'), undefined)
})

t.test('spaces in a passphrase and around it are accepted', async t => {
  for (const password of [
    '  two spaces before',
    'to be\u00A0or  not to be ',
    'a b c d ',
    'r\u00E9sum\u00E9 \u{1F469}\u200D\u{1F4BB} 24',
  ])
    t.equal(refusal(password), undefined, password)
  t.equal(refusal('two  spaces', { email, minLength: 8, current: 'two spaces' }), undefined, 'a second space counts')
})

t.test('the e-mail and its local part are refused as a password in any case and form', async t => {
  for (const password of ['alice.liddell@example.com', email, 'ALICE.LIDDELL', 'alice.liddell', '\uFF41lice.liddell']) {
    t.equal(refusal(password), 'password_is_email', password)
  }
  t.equal(refusal('alice.liddell1865'), undefined)
})

t.test('a password that is a local part below the minimum is reported as too short', async t => {
  t.equal(refusal('bob', { email: 'bob@example.com', minLength: 8 }), 'password_too_short')
})

t.test('the name of the service is refused as a password', async t => {
  t.equal(refusal('LatchKey'), 'password_too_common')
  t.equal(refusal('latchkey', { email, minLength: 8 }), 'password_too_common')
  t.equal(refusal('my latchkey is blue'), undefined)
})

t.test('a common password is refused in any case and form; one that only contains it is accepted', async t => {
  for (const password of ['password', 'PassWord', '12345678', 'qwertyuiop', 'Trustno1', '\uFF50assword', 'iloveyou'])
    t.equal(refusal(password), 'password_too_common', password)
  for (const password of ['password of the mill', 'my 12345678 horses', 'unlikelyword'])
    t.equal(refusal(password), undefined, password)
  t.equal(refusal('password1', { email, minLength: 10 }), 'password_too_short', 'too short comes before too common')
})

t.test('the current password, if given, is refused as the new one in any form', async t => {
  const rules = { email, minLength: 8, current: 'Zoe\u0308 of Afi' }
  t.equal(refusal('Zo\u00EB of Afi', rules), 'password_unchanged')
  t.equal(refusal('zo\u00EB of Afi', rules), undefined)
})

t.test('each refused password gets a sentence for its form field', async t => {
  const refused = [' ', 'x', 'x'.repeat(999), 'x'.repeat(9), email, 'latchkey', 'password', 'the same again']
  for (const password of refused) {
    const rules = { email, minLength: 8, current: 'the same again', field: 'new_password' as const }
    const { detail, errors } = refusalOf(password, rules)!
    t.match(detail, /^[A-Z].*\.$/)
    t.match(errors, [{ field: 'new_password', message: /^(must|is) .*[^.]$/ }])
    for (const text of [detail, errors![0]!.message])
      t.notMatch(text, password.length > 1 ? password : /\sx\s/, 'the text does not contain the password')
  }
  t.match(refusalOf('x')?.errors, [{ field: 'password' }])
})

t.test('the refusal of a password says what would be accepted', async t => {
  const detail = (password: string) => refusalOf(password)?.detail
  t.equal(detail('x'), 'Use at least 8 characters.')
  t.equal(detail('x'.repeat(999)), 'Use at most 256 characters.')
  t.same(refusalOf('x')?.errors, [{ field: 'password', message: 'must have at least 8 characters' }])
  t.match(detail(email), /your e-mail address/)
  t.match(detail('latchkey'), /name of this service/)
  t.equal(refusalOf('x')?.status, 422)
})
