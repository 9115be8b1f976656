import t from 'tap'
import { isFromOwnSite } from '../../src/http/plugins/csrf.js'

const rules = { publicOrigin: 'https://auth.example.com', corsOrigins: ['https://app.example.com'] }

// Sec-Fetch-Site, Origin, whether the request is accepted. Undefined means that the header is not sent.
const table: [site: string | undefined, origin: string | undefined, passes: boolean][] = [
  ['same-origin', undefined, true],
  ['same-origin', 'https://auth.example.com', true],
  [undefined, 'https://auth.example.com', true],
  [undefined, undefined, true],
  ['same-site', 'https://app.example.com', true],
  ['cross-site', 'https://app.example.com', true],
  [undefined, 'https://app.example.com', true],

  ['same-site', undefined, false],
  ['same-site', 'https://auth.example.com', false],
  ['same-site', 'https://blog.example.com', false],
  ['none', undefined, false],
  ['none', 'https://auth.example.com', false],
  ['cross-site', undefined, false],
  ['cross-site', 'https://auth.example.com', false],
  ['cross-site', 'https://evil.example', false],
  [undefined, 'https://evil.example', false],
  [undefined, 'null', false],
  [undefined, '', false],
  ['', undefined, false],
  ['Same-Origin', undefined, false],
  ['same-origin, same-origin', undefined, false],
  [undefined, 'http://auth.example.com', false],
  [undefined, 'https://auth.example.com:444', false],
  [undefined, 'https://auth.example.com.evil.example', false],
  [undefined, 'https://evilapp.example.com', false],
  ['cross-site', 'https://app.example.com.evil.example', false],
]

t.test('only own pages, trusted origins and clients that are not browsers are accepted', async t => {
  for (const [site, origin, passes] of table) {
    const headers = { 'sec-fetch-site': site, origin }
    t.equal(isFromOwnSite(headers, rules), passes, `Sec-Fetch-Site: ${site}, Origin: ${origin}`)
  }
})

t.test('an empty list of trusted origins trusts no origin', async t => {
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://app.example.com' }
  t.notOk(isFromOwnSite(headers, { ...rules, corsOrigins: [] }))
})
