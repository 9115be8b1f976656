import t from 'tap'
import { checkNewPassword, PASSWORD_MAX_LENGTH } from '../../../src/auth/passwords/check-new-password.js'
import type { LatchkeyError } from '../../../src/errors.js'

const email = 'Alice.Liddell@Example.com'

function refusalOf(password: string, rules = { email, minLength: 8 }): LatchkeyError | undefined {
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
    '12345678',
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

t.test('a refusal says what would be accepted', async t => {
  const detail = (password: string) => refusalOf(password)?.detail
  t.equal(detail('x'), 'Use at least 8 characters.')
  t.equal(detail('x'.repeat(999)), 'Use at most 256 characters.')
  t.match(detail(email), /your address/)
  t.match(detail('latchkey'), /name of this service/)
  t.equal(refusalOf('x')?.status, 422)
})
