import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { LIGHT_GROUND } from '../../src/config/account-page-kinds.js'
import { readConfig } from '../../src/config/config.js'
import { darkThemeColour } from '../../src/http/account/colours.js'
import { contrast } from '../../src/lib/contrast.js'
import { TEST_SECRETS } from '../support/build-test-app.js'

const NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'

const read = (settings: NodeJS.ProcessEnv) => readConfig({ ...TEST_SECRETS, ...settings }).accountPage
const refusal = (settings: NodeJS.ProcessEnv): string => {
  try {
    read(settings)
    return ''
  } catch (error) {
    return String((error as Error).message)
  }
}

t.test('by default there is a page, with the name of this service', async t => {
  t.match(read({}), { enabled: true, name: 'Latchkey', links: [], home: undefined })
  t.match(read({ ACCOUNT_PAGE: 'off' }), { enabled: false })
})

t.test('a colour on which white text cannot be read is refused, with one that can be', async t => {
  for (const color of ['#ffff00', '#ff8800', '#7bd389', '#ffffff']) {
    const text = refusal({ ACCOUNT_COLOR: color })
    t.match(text, /ACCOUNT_COLOR must be dark enough for white text on it/)
    const [, proposed = ''] = / as (#[0-9a-f]{6}) is/.exec(text) ?? []
    t.equal(read({ ACCOUNT_COLOR: proposed }).color, proposed, 'the proposed colour is accepted')
  }
  t.match(refusal({ ACCOUNT_COLOR: 'red' }), /ACCOUNT_COLOR must be a colour as six/)
  for (const color of ['#0A2540', '0a2540']) t.equal(read({ ACCOUNT_COLOR: color }).color, '#0a2540')
})

t.test('text can be read on every accepted colour and on the one that the dark theme gets', async t => {
  for (let i = 0; i < 500; i++) {
    const color = `#${randomBytes(3).toString('hex')}`
    if (contrast(color, LIGHT_GROUND) < 4.5) continue
    t.ok(contrast(color, '#ffffff') >= 4.5, `white on ${color}`)
    const dark = darkThemeColour(color)
    t.ok(contrast(dark, '#0c1110') >= 4.5, `dark text on ${dark}`)
    t.ok(contrast(dark, '#1a2120') >= 4.5, `${dark} on the dark page`)
  }
})

t.test('the contrast is that of WCAG', async t => {
  t.equal(contrast('#000000', '#ffffff'), 21)
  t.equal(contrast('#777777', '#ffffff').toFixed(2), '4.48')
})

t.test('a logo is a small SVG or PNG file', async t => {
  const svg = '<?xml version="1.0"?>\n<!-- a logo -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
  const folder = t.testdir({
    'logo.svg': svg,
    'page.html': '<html><svg>',
    'large.svg': svg + ' '.repeat(40_000),
    'drawn.svg': `\uFEFF<!DOCTYPE svg PUBLIC "x" "y">\n<svg id=">"\n${NAMESPACE}>`,
    // A search that went back would take years here.
    'comments.svg': `${'<!---->'.repeat(200)}x`,
  })
  execFileSync('mkfifo', [`${folder}/pipe.svg`])
  t.ok(read({ ACCOUNT_LOGO: `${folder}/drawn.svg` }).logo)
  t.match(refusal({ ACCOUNT_LOGO: `${folder}/comments.svg` }), /the file is neither of them/)
  t.match(refusal({ ACCOUNT_LOGO: `${folder}/pipe.svg` }), /this is not a file/)
  t.match(refusal({ ACCOUNT_LOGO: folder }), /this is not a file/)
  t.equal(read({ ACCOUNT_LOGO: `${folder}/logo.svg` }).logo, `${folder}/logo.svg`)
  t.match(refusal({ ACCOUNT_LOGO: `${folder}/none.svg` }), /ACCOUNT_LOGO must be the path .*cannot be read \(ENOENT\)/)
  t.match(refusal({ ACCOUNT_LOGO: `${folder}/page.html` }), /the file is neither of them/)
  t.match(refusal({ ACCOUNT_LOGO: `${folder}/large.svg` }), /the file has 40 KiB/)
})

/** A PNG of one pixel. */
const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

t.test('a picture that a browser would not draw is refused, with the reason', async t => {
  const png = Buffer.from(DOT, 'base64')
  const folder = t.testdir({
    'logo.png': png,
    'cut.png': png.subarray(0, -20),
    'signature.png': png.subarray(0, 8),
    'pixels.png': Buffer.concat([png.subarray(0, 45), Buffer.alloc(5), png.subarray(50)]),
    'as-text.png': Buffer.from(png.toString('latin1').replace(/[\x80-\xff]/g, '?'), 'latin1'),
    'empty.png': Buffer.concat([png.subarray(0, 16), Buffer.alloc(4), png.subarray(20)]),
    'plain.svg': '<svg viewBox="0 0 1 1"><path/></svg>',
    'inner.svg': `<svg data-x='${NAMESPACE}'><svg ${NAMESPACE}/></svg>`,
    'other.svg': '<svg xmlns="http://example.com/svg"/>',
  })
  t.equal(read({ ACCOUNT_LOGO: `${folder}/logo.png` }).logo, `${folder}/logo.png`)
  for (const name of ['cut', 'signature', 'pixels', 'empty'])
    t.match(refusal({ ACCOUNT_LOGO: `${folder}/${name}.png` }), /ACCOUNT_LOGO .*the PNG is broken or incomplete/, name)
  t.match(refusal({ ACCOUNT_LOGO: `${folder}/as-text.png` }), /the file is neither of them/)
  for (const name of ['plain', 'inner', 'other'])
    t.match(refusal({ ACCOUNT_LOGO: `${folder}/${name}.svg` }), /ACCOUNT_LOGO .*without xmlns="http.* add it/, name)
})

t.test('links lead to https or mailto addresses', async t => {
  const { links } = read({ ACCOUNT_LINKS: 'Help=https://example.com/help?a=b, Contact=mailto:help@example.com' })
  t.strictSame(links, [
    { label: 'Help', url: 'https://example.com/help?a=b' },
    { label: 'Contact', url: 'mailto:help@example.com' },
  ])
  for (const link of [
    'Help=javascript:alert(1)',
    'Help=http://example.com',
    'https://example.com',
    '=https://example.com',
    'Help\u202Eme=https://example.com',
    'He\nlp=https://example.com',
    '\u200B=https://example.com',
  ])
    t.match(refusal({ ACCOUNT_LINKS: link }), /ACCOUNT_LINKS, entry 1,/, link)
  for (const link of ['mailto:', 'mailto:help', 'mailto:@example.com', 'mailto:?to=help@example.com', 'mailto: @ '])
    t.match(refusal({ ACCOUNT_LINKS: `Contact=${link}` }), /ACCOUNT_LINKS, entry 1, .*after mailto:, such as/, link)
})

t.test('the way back leads to an https address or a path', async t => {
  for (const home of ['/', '/app?x=1', 'https://example.com/', 'http://localhost:5173'])
    t.equal(read({ ACCOUNT_HOME: home }).home, home)
  for (const home of [
    'javascript:alert(1)',
    '//example.com',
    '/\\example.com',
    'http://example.com',
    'app',
    'http://localhost.example.com',
    'http://localhost:x@example.com/',
    'https://ada:secret@example.com/',
    'https://example.com/\nx',
  ])
    t.match(refusal({ ACCOUNT_HOME: home }), /ACCOUNT_HOME must be/, home)
})
