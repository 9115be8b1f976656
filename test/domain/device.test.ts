import t from 'tap'
import { type Device, describeDevice } from '../../src/domain/sessions/describe-device.js'

const WEBKIT = 'AppleWebKit/605.1.15 (KHTML, like Gecko)'
const BLINK = 'AppleWebKit/537.36 (KHTML, like Gecko)'
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)'
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)'
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64)'
const ANDROID = 'Mozilla/5.0 (Linux; Android 10; K)'
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)'
const IPAD = 'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X)'

type Row = [userAgent: string, browser: string | null, os: string | null, kind: Device['kind']]

const browsers: Row[] = [
  [`${WINDOWS} ${BLINK} Chrome/126.0.0.0 Safari/537.36`, 'Chrome', 'Windows', 'desktop'],
  [`${WINDOWS} ${BLINK} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`, 'Microsoft Edge', 'Windows', 'desktop'],
  [`${WINDOWS} ${BLINK} Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0`, 'Opera', 'Windows', 'desktop'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox', 'Windows', 'desktop'],
  ['Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko', 'Internet Explorer', 'Windows', 'desktop'],
  [`${MAC} ${WEBKIT} Version/17.5 Safari/605.1.15`, 'Safari', 'macOS', 'desktop'],
  [`${MAC} ${BLINK} Chrome/126.0.0.0 Safari/537.36`, 'Chrome', 'macOS', 'desktop'],
  [`${MAC} ${BLINK} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`, 'Microsoft Edge', 'macOS', 'desktop'],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0',
    'Firefox',
    'macOS',
    'desktop',
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox', 'Linux', 'desktop'],
  [`${LINUX} ${BLINK} Chrome/126.0.0.0 Safari/537.36`, 'Chrome', 'Linux', 'desktop'],
  [
    `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${BLINK} Chrome/126.0.0.0 Safari/537.36`,
    'Chrome',
    'Chrome OS',
    'desktop',
  ],
  [`${ANDROID} ${BLINK} Chrome/126.0.0.0 Mobile Safari/537.36`, 'Chrome', 'Android', 'mobile'],
  [`${ANDROID} ${BLINK} Chrome/126.0.0.0 Safari/537.36`, 'Chrome', 'Android', 'tablet'],
  [
    `${ANDROID} ${BLINK} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36`,
    'Samsung Internet',
    'Android',
    'mobile',
  ],
  [
    `${ANDROID} ${BLINK} Chrome/126.0.0.0 Mobile Safari/537.36 EdgA/125.0.2535.72`,
    'Microsoft Edge',
    'Android',
    'mobile',
  ],
  ['Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0', 'Firefox', 'Android', 'mobile'],
  ['Mozilla/5.0 (Android 14; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0', 'Firefox', 'Android', 'tablet'],
  [`${IPHONE} ${WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari', 'iOS', 'mobile'],
  [`${IPHONE} ${WEBKIT} CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1`, 'Chrome', 'iOS', 'mobile'],
  [`${IPHONE} ${WEBKIT} FxiOS/127.0 Mobile/15E148 Safari/605.1.15`, 'Firefox', 'iOS', 'mobile'],
  [`${IPHONE} ${WEBKIT} Version/17.0 EdgiOS/125.0 Mobile/15E148 Safari/605.1.15`, 'Microsoft Edge', 'iOS', 'mobile'],
  [`${IPAD} ${WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari', 'iOS', 'tablet'],
  [`${IPAD} ${WEBKIT} CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1`, 'Chrome', 'iOS', 'tablet'],
  [
    `Mozilla/5.0 (Web0S; Linux/SmartTV) ${BLINK} Chrome/94.0.4606.128 Safari/537.36 WebAppManager`,
    'WebOS Browser',
    'WebOS',
    'tv',
  ],
  ['Roku/DVP-9.10 (519.10E04111A)', 'Roku', 'Roku', 'tv'],
  ['Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)', 'SlackBot', null, 'bot'],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', null, 'bot'],
]

const apps: Row[] = [
  ['curl/8.5.0', 'curl', null, 'app'],
  ['Wget/1.21.4', 'Wget', null, 'app'],
  ['PostmanRuntime/7.39.0', 'Postman', null, 'app'],
  ['insomnia/9.2.0', 'Insomnia', null, 'app'],
  ['HTTPie/3.2.2', 'HTTPie', null, 'app'],
  ['okhttp/4.12.0', 'OkHttp app', null, 'app'],
  ['Dart/3.4 (dart:io)', 'Dart app', null, 'app'],
  ['Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A.240505.004)', 'Android app', 'Android', 'app'],
  ['MyApp/42 CFNetwork/1496.0.7 Darwin/23.5.0', 'MyApp', 'iOS or macOS', 'app'],
  ['My%20App%C3%A9/42 CFNetwork/1496.0.7 Darwin/23.5.0', 'My App\u00E9', 'iOS or macOS', 'app'],
  ['MyApp/2.1 (com.example.myapp; build:42; iOS 17.5.1) Alamofire/5.9.1', 'MyApp', 'iOS', 'app'],
  ['My App/2.1 (com.example.myapp; build:42; macOS 14.5.0) Alamofire/5.9.1', 'My App', 'macOS', 'app'],
  ['MyApp/1.0 (iPhone; iOS 17.5; Scale/3.00)', 'MyApp', 'iOS', 'app'],
  ['node', 'Node.js', null, 'app'],
  ['node-fetch/1.0 (+https://github.com/bitinn/node-fetch)', 'Node.js', null, 'app'],
  ['undici', 'Node.js', null, 'app'],
  ['axios/1.7.2', 'axios', null, 'app'],
  ['python-requests/2.32.3', 'Python Requests', null, 'app'],
  ['Python/3.12 aiohttp/3.9.5', 'Python', null, 'app'],
  ['Go-http-client/1.1', 'Go', null, 'app'],
  ['Apache-HttpClient/4.5.14 (Java/17.0.11)', 'Apache HttpClient', null, 'app'],
  ['Java/17.0.11', 'Java', null, 'app'],
  ['Java-http-client/17.0.11', 'Java', null, 'app'],
  ['Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.2506', 'PowerShell', 'Windows', 'app'],
  ['100% app/1', '100 app', null, 'app'],
  ['(+https://example.com)', 'App', null, 'app'],
]

for (const [subject, rows] of Object.entries({ browsers, apps })) {
  t.test(`${subject} are recognised by name and system`, async t => {
    for (const [userAgent, browser, os, kind] of rows) {
      t.same(describeDevice(userAgent), { browser, os, kind }, userAgent)
    }
  })
}

t.test('a User-Agent without a name gives an unknown device', async t => {
  const unknown = { browser: null, os: null, kind: 'unknown' }
  for (const userAgent of [undefined, '', '   ', '\0\u0007\u200B', 'Mozilla/5.0']) {
    t.same(describeDevice(userAgent), unknown)
  }
})

t.test('a device name has no control or invisible characters, and at most 40 characters', async t => {
  t.equal(describeDevice('My\u0000\u001B[31mApp\u202E\r\n\u2028/1.0').browser, 'My31mApp')
  t.equal(describeDevice('My%00%1B%E2%80%AEApp/1 CFNetwork/1').browser, 'MyApp')
  t.equal(describeDevice('<script>alert(1)</script>').browser, 'scriptalert')
  t.equal(describeDevice(`${'x'.repeat(200)}/1.0`).browser, 'x'.repeat(40))
  t.equal(
    describeDevice(`x${'%F0%9D%92%9C'.repeat(40)}/1`).browser,
    `x${'\u{1D49C}'.repeat(39)}`,
    'cut between characters',
  )
})

t.test('only the first 512 characters of a User-Agent are read', async t => {
  t.equal(describeDevice(`MyApp/1 ${'x'.repeat(504)}Android`).os, null)
  t.equal(describeDevice(`MyApp/1 ${'x'.repeat(497)}Android`).os, 'Android')
})

t.test('no User-Agent makes describeDevice throw or take long', async t => {
  const pieces = [...browsers, ...apps].flatMap(([userAgent]) => userAgent.split(/([ ;/().%])/))
  const awkward = [
    '%',
    '%E0%',
    '\uD800',
    '(',
    '((((',
    '/'.repeat(99),
    '1.'.repeat(99),
    '__proto__',
    'constructor',
    '\n',
  ]
  const words = [...pieces, ...awkward]
  let seed = 1
  const next = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed
  }
  const startedAt = performance.now()
  for (let turn = 0; turn < 20_000; turn++) {
    const userAgent = Array.from({ length: 1 + (next() % 12) }, () => words[next() % words.length]).join('')
    const { browser, os, kind } = describeDevice(userAgent)
    if (/[\p{Cc}\p{Cf}\p{Cs}]/u.test(`${browser}${os}${kind}`) || browser === '') t.fail(JSON.stringify(userAgent))
  }
  t.ok(performance.now() - startedAt < 20_000, 'less than a millisecond each')
})
