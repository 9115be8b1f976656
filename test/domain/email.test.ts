import t from 'tap'
import { emailForms, normaliseEmail } from '../../src/domain/accounts/account-names.js'

t.test('an e-mail address is trimmed, lower-cased and normalised to NFKC', async t => {
  const forms: Record<string, string> = {
    'alice@example.com': 'alice@example.com',
    '  Alice@Example.COM\n': 'alice@example.com',
    '\uFF21lice\uFF20example\uFF0Ecom': 'alice@example.com',
    'zoe\u0308@example.com': 'zo\u00EB@example.com',
    '\u00C9mile@B\u00DCcher.example': '\u00E9mile@xn--bcher-kva.example',
    'user@XN--bcher-kva.example': 'user@xn--bcher-kva.example',
    'user@stra\u00DFe.example': 'user@xn--strae-oqa.example',
    'user@under_score.example': 'user@under_score.example',
    'user@10.1': 'user@10.1',
    "o'hara+news@mail.example.co.uk": "o'hara+news@mail.example.co.uk",
    'root@localhost': 'root@localhost',
    '\u7528\u6237@\u4F8B\u5B50.\u6D4B\u8BD5': '\u7528\u6237@xn--fsqu00a.xn--0zwm56d',
    '\u7528\u6237@\u4F8B\u5B50\u3002\u6D4B\u8BD5': '\u7528\u6237@xn--fsqu00a.xn--0zwm56d',
  }
  for (const [input, expected] of Object.entries(forms)) t.equal(normaliseEmail(input), expected)
})

t.test('a text that is not an e-mail address is refused', async t => {
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
    'alice@example.com.',
    'alice@example.com\u3002',
    'alice@.example.com',
    'alice@example..com',
    'alice@example\u3002\u3002com',
    'alice@-example.com',
    'alice@example-.com',
    'alice@exa!mple.com',
    'alice@b\u00FCcher.example/evil',
    'alice@b\u00FCcher.example?evil',
    'alice@%62\u00FCcher.example',
    'alice@b\u00FCcher.1',
    'alice@xn--99999999.example',
    `alice@${'a'.repeat(64)}.example`,
    `alice@${'\u00FC'.repeat(64)}.example`,
  ]
  // Numbered, because a line separator in a message breaks the report.
  for (const [index, input] of refused.entries()) {
    t.throws(() => normaliseEmail(input), { name: 'LatchkeyError', code: 'invalid_email' }, `address ${index}`)
  }
})

t.test('an e-mail address cannot add a second one to a mail header', async t => {
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

t.test('an e-mail address of 254 bytes is accepted, one of 255 is refused', async t => {
  const domain = '@example.com'
  t.equal(normaliseEmail('a'.repeat(254 - domain.length) + domain).length, 254)
  t.throws(() => normaliseEmail('a'.repeat(255 - domain.length) + domain), { code: 'invalid_email' })
  t.equal(normaliseEmail('\u00E9'.repeat(121) + domain).length, 133, 'a letter of two bytes counts twice')
  t.throws(() => normaliseEmail('\u00E9'.repeat(122) + domain), { code: 'invalid_email' })
})

t.test('normalising an e-mail address twice changes nothing, for every accepted character', async t => {
  const unstable: string[] = []
  let accepted = 0
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    const character = String.fromCodePoint(codePoint)
    let once: string
    try {
      once = normaliseEmail(`a${character}\u0301b@c${character}\u0301d.example`)
    } catch {
      continue
    }
    accepted++
    if (normaliseEmail(once) !== once) unstable.push(codePoint.toString(16))
  }
  t.ok(accepted > 100_000)
  t.same(unstable, [])
})

t.test('emailForms lists every form in which an earlier version may have stored an e-mail address', async t => {
  const forms: Record<string, string[]> = {
    'Ann@example.com': ['ann@example.com'],
    'Ann@B\u00FCcher.example': ['ann@b\u00FCcher.example', 'ann@xn--bcher-kva.example'],
    'Ann@xn--Bcher-kva.example': ['ann@xn--bcher-kva.example', 'ann@b\u00FCcher.example'],
    'ann@10.1': ['ann@10.1'],
    'ann@example.com.': ['ann@example.com.'],
    'ann@b\u00FCcher.example/evil': ['ann@b\u00FCcher.example/evil'],
    ann: [],
  }
  for (const [input, expected] of Object.entries(forms)) t.same(emailForms(input), expected, input)
})
