import t from 'tap'
import { normaliseEmail } from '../../src/auth/email.js'

t.test('an address is trimmed, lower-cased and brought to NFKC', async t => {
  const forms: Record<string, string> = {
    'alice@example.com': 'alice@example.com',
    '  Alice@Example.COM\n': 'alice@example.com',
    '\uFF21lice\uFF20example\uFF0Ecom': 'alice@example.com',
    'zoe\u0308@example.com': 'zo\u00EB@example.com',
    '\u00C9mile@b\u00FCcher.example': '\u00E9mile@b\u00FCcher.example',
    "o'hara+news@mail.example.co.uk": "o'hara+news@mail.example.co.uk",
    'root@localhost': 'root@localhost',
    '\u7528\u6237@\u4F8B\u5B50.\u6D4B\u8BD5': '\u7528\u6237@\u4F8B\u5B50.\u6D4B\u8BD5',
  }
  for (const [input, expected] of Object.entries(forms)) t.equal(normaliseEmail(input), expected)
})

t.test('what is not an address is refused', async t => {
  const refused = [
    '',
    ' ',
    '@',
    'alice',
    'alice@',
    '@example.com',
    'alice@@example.com',
    'alice@home@example.com',
    'al ice@example.com',
    'alice@exam\tple.com',
    'alice@example.com\r\nBcc: eve@example.com',
    'alice\0@example.com',
    'alice\u00A0b@example.com',
    'alice\u2028@example.com',
    'alice\u200B@example.com',
    'al\u202Eeci@example.com',
    'alice\uD800@example.com',
    'alice@example.com\uFE6Bevil.example',
  ]
  // Numbered, as a line separator in a title breaks the report.
  for (const [index, input] of refused.entries()) {
    t.throws(() => normaliseEmail(input), { name: 'LatchkeyError', code: 'invalid_email' }, `address ${index}`)
  }
})

t.test('an address can not bring a second one into a mail header', async t => {
  for (const input of [
    'alice@example.com,eve',
    'eve;alice@example.com',
    '<alice@example.com>',
    'Alice<a@example.com>',
  ]) {
    t.throws(() => normaliseEmail(input), { code: 'invalid_email' }, input)
  }
  t.throws(() => normaliseEmail('"alice"@example.com'), { code: 'invalid_email' })
})

t.test('254 bytes are accepted and 255 are not', async t => {
  const domain = '@example.com'
  t.equal(normaliseEmail('a'.repeat(254 - domain.length) + domain).length, 254)
  t.throws(() => normaliseEmail('a'.repeat(255 - domain.length) + domain), { code: 'invalid_email' })
  t.equal(normaliseEmail('\u00E9'.repeat(121) + domain).length, 133, 'a letter of two bytes counts twice')
  t.throws(() => normaliseEmail('\u00E9'.repeat(122) + domain), { code: 'invalid_email' })
})

t.test('normalising twice changes nothing, for every character that is accepted', async t => {
  const unstable: string[] = []
  let accepted = 0
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    const character = String.fromCodePoint(codePoint)
    let once: string
    try {
      once = normaliseEmail(`a${character}\u0301b@example.com`)
    } catch {
      continue
    }
    accepted++
    if (normaliseEmail(once) !== once) unstable.push(codePoint.toString(16))
  }
  t.ok(accepted > 100_000)
  t.same(unstable, [])
})
