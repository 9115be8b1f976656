import t from 'tap'
import { slowHashWarning } from '../../../src/cli/import-users.js'
import { slowestHashFinder } from '../../../src/domain/import/slowest-hash.js'
import { argon2id } from '../../../src/domain/passwords/argon2id.js'

const bcrypt = (cost: string) => `$2b$${cost}$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW`
const django = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$YJ5vLr0pWyOBmZoWBDnB0AQ2bvyQ/3l6tIYVUn4IM3w=`
const pbkdf2 = (name: string, iterations: number) => `$pbkdf2${name}$${iterations}$c2FsdHNhbHQ$${'A'.repeat(43)}`
const scrypt = (ln: number) => `$scrypt$ln=${ln},r=8,p=1$aM15713r3Xsvxbi31lqr1Q$${'A'.repeat(43)}`
const argon2 = (m: number) => `$argon2id$v=19$m=${m},t=2,p=1$c2FsdHNhbHQ$${'A'.repeat(43)}`

/** A finder with a given time for each hash, and the hashes that it measured. */
function finder(took: (hash: string) => number) {
  const measured: string[] = []
  const found = slowestHashFinder(async hash => {
    measured.push(hash)
    return took(hash)
  })
  return { ...found, measured }
}

t.test('the most costly hash of each function is measured once, and the slowest is reported', async t => {
  const { add, find, measured } = finder(hash => (hash.startsWith('$2b') ? 900 : 100))
  for (const hash of [
    bcrypt('10'),
    bcrypt('14'),
    bcrypt('04'),
    `bcrypt_sha256$${bcrypt('12')}`,
    django(1000),
    pbkdf2('-sha256', 2000),
    pbkdf2('-sha512', 500),
    pbkdf2('', 700),
    scrypt(10),
    scrypt(16),
    argon2(65_536),
    argon2(32_768),
    '!',
  ])
    add(hash)
  t.strictSame(await find(), { name: 'bcrypt', parameters: 'cost 14', work: 2 ** 14, tookMs: 900 })
  t.strictSame(measured, [
    bcrypt('14'),
    pbkdf2('-sha256', 2000),
    pbkdf2('-sha512', 500),
    pbkdf2('', 700),
    scrypt(16),
    argon2(65_536),
  ])
})

t.test('each hash function is reported with its parameters', async t => {
  for (const [hash, name, parameters] of [
    [`bcrypt_sha256$${bcrypt('12')}`, 'bcrypt', 'cost 12'],
    [django(600_000), 'PBKDF2-SHA256', '600000 iterations'],
    [pbkdf2('', 5), 'PBKDF2-SHA1', '5 iterations'],
    [pbkdf2('-sha512', 5), 'PBKDF2-SHA512', '5 iterations'],
    [scrypt(16), 'scrypt', 'ln=16, r=8, p=1'],
    [argon2(65_536), 'argon2id', 'm=65536, t=2, p=1'],
    [argon2(65_536).replace('2id', '2d'), 'argon2d', 'm=65536, t=2, p=1'],
  ] as const) {
    const { add, find } = finder(() => 1)
    add(hash)
    t.match(await find(), { name, parameters }, hash)
  }
})

t.test('hashes that cost no more than the service’s own are not measured', async t => {
  const { add, find, measured } = finder(() => 900)
  for (const hash of [argon2id.hashSync('a passphrase'), argon2(1024), '!']) add(hash)
  t.equal(await find(), undefined)
  t.strictSame(measured, [])
})

t.test('a hash that turns out to be damaged is skipped', async t => {
  const { add, find } = slowestHashFinder(async hash => {
    if (hash.startsWith('$scrypt')) throw new TypeError('damaged')
    return 7
  })
  add(scrypt(16))
  add(bcrypt('04'))
  t.match(await find(), { name: 'bcrypt', tookMs: 7 })
})

t.test('a hash is measured by verifying a password with it', async t => {
  const { add, find } = slowestHashFinder()
  add(bcrypt('04'))
  t.match(await find(), { name: 'bcrypt', tookMs: Number })
})

t.test('a hash whose time and a quarter exceed SIGN_IN_FAILURE_DELAY gets a warning that says what to set', async t => {
  const warning = (tookMs: number, delayMs: number) =>
    slowHashWarning({ name: 'bcrypt', parameters: 'cost 14', work: 1, tookMs }, delayMs)
  t.equal(
    warning(897, 500),
    'The slowest password hash (bcrypt, cost 14) takes about 900 ms here, longer than SIGN_IN_FAILURE_DELAY (500 ms). ' +
      'Until the users with such hashes have signed in once, the time of a failed sign-in can reveal that their ' +
      'accounts exist. Set SIGN_IN_FAILURE_DELAY to 1130ms for the service.',
  )
  t.match(warning(450, 500), /takes about 450 ms here, too close to SIGN_IN_FAILURE_DELAY .+ to 570ms for the service/)
  t.match(warning(9000, 500), /to 5000ms for the service/, 'no more than the setting accepts')
  t.equal(warning(400, 500), undefined)
  t.equal(warning(900, 0), undefined, 'the delay is turned off')
  t.equal(slowHashWarning(undefined, 500), undefined)
})
