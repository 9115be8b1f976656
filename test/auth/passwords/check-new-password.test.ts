import t from 'tap'
import {
  checkNewPassword,
  type NewPasswordRules,
  PASSWORD_MAX_LENGTH,
} from '../../../src/auth/passwords/check-new-password.js'
import type { LatchkeyError } from '../../../src/errors.js'

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

t.test('8 to 256 characters are accepted, whatever they are', async t => {
  for (const password of [
    '92746153',
    'a b c d ',
    'correct horse battery staple',
    '\u{1F511}'.repeat(8),
    'x'.repeat(256),
  ]) {
    t.equal(refusal(password), undefined, password)
  }
})

t.test('shorter than the minimum is too short', async t => {
  t.equal(refusal(''), 'password_too_short')
  t.equal(refusal('1234567'), 'password_too_short')
  t.equal(refusal('elevenchars', { email, minLength: 12 }), 'password_too_short')
  t.equal(refusal('twelve chars', { email, minLength: 12 }), undefined)
})

t.test('longer than 256 is too long', async t => {
  t.equal(PASSWORD_MAX_LENGTH, 256)
  t.equal(refusal('x'.repeat(257)), 'password_too_long')
})

t.test('characters are code points of the NFKC form', async t => {
  t.equal(refusal('\u{1F511}'.repeat(7)), 'password_too_short', 'fourteen UTF-16 units are seven characters')
  t.equal(refusal('e\u0301'.repeat(7)), 'password_too_short', 'fourteen code points compose to seven')
  t.equal(refusal('\u{1F511}'.repeat(256)), undefined)
  t.equal(refusal('\uFDFA'.repeat(15)), 'password_too_long', 'one ligature stands for eighteen characters')
})

t.test('the e-mail and its local part are refused in any case and form', async t => {
  for (const password of ['alice.liddell@example.com', email, 'ALICE.LIDDELL', 'alice.liddell', '\uFF41lice.liddell']) {
    t.equal(refusal(password), 'password_is_email', password)
  }
  t.equal(refusal('alice.liddell1865'), undefined)
})

t.test('a local part below the minimum is too short rather than the e-mail', async t => {
  t.equal(refusal('bob', { email: 'bob@example.com', minLength: 8 }), 'password_too_short')
})

t.test('the name of the service is refused', async t => {
  t.equal(refusal('LatchKey'), 'password_too_common')
  t.equal(refusal('latchkey', { email, minLength: 8 }), 'password_too_common')
  t.equal(refusal('my latchkey is blue'), undefined)
})

t.test('what many people use is refused in any case and form, and nothing that only contains it', async t => {
  for (const password of ['password', 'PassWord', '12345678', 'qwertyuiop', 'Trustno1', '\uFF50assword', 'iloveyou'])
    t.equal(refusal(password), 'password_too_common', password)
  for (const password of ['password of the mill', 'my 12345678 horses', 'unlikelyword'])
    t.equal(refusal(password), undefined, password)
  t.equal(refusal('password1', { email, minLength: 10 }), 'password_too_short', 'the shorter reason comes first')
})

t.test('the password that it replaces is refused in any form, if it is at hand', async t => {
  const rules = { email, minLength: 8, current: 'Zoe\u0308 of Afi' }
  t.equal(refusal('Zo\u00EB of Afi', rules), 'password_unchanged')
  t.equal(refusal('zo\u00EB of Afi', rules), undefined)
})

t.test('each refusal has its sentence beside the field that a form asked for', async t => {
  const refused = ['x', 'x'.repeat(999), email, 'latchkey', 'password', 'the same again']
  for (const password of refused) {
    const rules = { email, minLength: 8, current: 'the same again', field: 'new_password' as const }
    const { detail, errors } = refusalOf(password, rules)!
    t.match(detail, /^[A-Z].*\.$/)
    t.same(errors, [{ field: 'new_password', message: detail }])
    t.notMatch(detail, password.length > 1 ? password : / x /, 'without the password')
  }
  t.match(refusalOf('x')?.errors, [{ field: 'password' }])
})

t.test('a refusal says what would be accepted', async t => {
  const detail = (password: string) => refusalOf(password)?.detail
  t.equal(detail('x'), 'Use at least 8 characters.')
  t.equal(detail('x'.repeat(999)), 'Use at most 256 characters.')
  t.match(detail(email), /your address/)
  t.match(detail('latchkey'), /name of this service/)
  t.equal(refusalOf('x')?.status, 422)
})
