import { setTimeout as delay } from 'node:timers/promises'
import { hash as argon2 } from '@node-rs/argon2'
import t from 'tap'
import { checkHash } from '../../../src/domain/passwords/hash-formats.js'
import { createPasswordHasher } from '../../../src/domain/passwords/password-hasher.js'

// Made by other programs: crypt(3) of libxcrypt, and Python's hashlib in the forms of Django and Passlib.
const BCRYPT = '$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2'
const DJANGO = 'pbkdf2_sha256$1000$seasalt123$KuEnssc6S4MzVSS8Tu48m1RDSrTAn7j3CfgvvjkvfWA='
const SCRYPT = '$scrypt$ln=10,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$DziP56S9mNo83V5kqIqm64EcFs9kJdqy4EIRxcZbyMY'

const OF_CORRECT_HORSE = {
  'bcrypt $2b$': BCRYPT,
  'bcrypt $2a$': BCRYPT.replace('2b', '2a'),
  'bcrypt $2y$': BCRYPT.replace('2b', '2y'),
  'bcrypt of cost 10': '$2b$10$abcdefghijklmnopqrstuu23JPZtHcGhwXSF41f93o/7vBdDut3Xu',
  'Django PBKDF2': DJANGO,
  'Django bcrypt': 'bcrypt_sha256$$2b$05$aOfPXQ/GGtC3s1sRTrcTpeVmI5TiVttgZ1dBiV6BelrYK5661u4vK',
  scrypt: SCRYPT,
  'scrypt with two lanes and 64 bytes':
    '$scrypt$ln=10,r=8,p=2$aM15713r3Xsvxbi31lqr1Q$bMQ3rWk0z7t+wNxeGJjvmF1YaW+BvD3RuKZHKHUsvDrplXTjmXgI+McG8N9/WPoKh++dj11+t8PRWmXrPqQc8w',
}

function newHasher(damage: string[] = []) {
  return createPasswordHasher({ concurrency: 1, queue: 4, onDamagedHash: error => damage.push(error.message) })
}

t.test('hashes of other systems match their password and no other, and need an upgrade', async t => {
  const damage: string[] = []
  const hasher = newHasher(damage)
  for (const [scheme, stored] of Object.entries(OF_CORRECT_HORSE)) {
    t.equal(await hasher.verify(stored, 'correct horse'), true, scheme)
    t.equal(await hasher.verify(stored, 'correct horsf'), false, scheme)
    t.equal(await hasher.verify(stored, ''), false, scheme)
    t.equal(hasher.needsUpgrade(stored), true, scheme)
    t.equal(checkHash(stored), 'valid', scheme)
  }
  t.same(damage, [])
})

t.test('the example hash in the documentation of Passlib verifies', async t => {
  const stored = '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E'
  t.equal(await newHasher().verify(stored, 'password'), true)
})

t.test('a password is compared with a hash of another system as typed, without NFKC', async t => {
  const typed = 'Zoe\u0308 \uFF21'
  for (const stored of [
    '$2b$05$abcdefghijklmnopqrstuuNJoQuRbQWZu8danhAEwdnkpQo3hUFqS',
    'pbkdf2_sha256$1000$seasalt123$OVAVWfIUSvCkUz9ntqax3+zVSf984KFHTii+Y9ALuG4=',
    '$scrypt$ln=10,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$Gb0uTNzaZ+Ca8uNrzkUAKvd1UvlPOK1poJcgY0Ly0l0',
  ]) {
    t.equal(await newHasher().verify(stored, typed), true, stored)
    t.equal(await newHasher().verify(stored, typed.normalize('NFKC')), false, stored)
  }
})

t.test('a bcrypt hash compares only 72 bytes of a password, as in the system that made it', async t => {
  const ofEightyX = '$2b$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q'
  t.equal(await newHasher().verify(ofEightyX, 'x'.repeat(80)), true)
  t.equal(await newHasher().verify(ofEightyX, 'x'.repeat(72)), true)
  t.equal(await newHasher().verify(ofEightyX, 'x'.repeat(71)), false)
})

t.test('a bcrypt_sha256 hash of Django compares every character', async t => {
  const ofEightyX = 'bcrypt_sha256$$2b$05$chtdLwl5InwrNZ1KgUjti.VkZRRXmer6eIk5hJlqOxfrbIk.fllFi'
  t.equal(await newHasher().verify(ofEightyX, 'x'.repeat(80)), true)
  t.equal(await newHasher().verify(ofEightyX, 'x'.repeat(79)), false)
})

t.test('a password with a NUL matches no bcrypt hash, although bcrypt would read it as a shorter one', async t => {
  const ofSecret = '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'
  t.equal(await newHasher().verify(ofSecret, 'secret'), true)
  t.equal(await newHasher().verify(ofSecret, 'secret\0secret'), false)
  t.equal(await newHasher().verify(ofSecret, 'secret\0'), false)
})

t.test('a bcrypt hash in which another system set unused bits still verifies', async t => {
  t.equal(await newHasher().verify(BCRYPT.replace('stuuH', 'stuvH'), 'correct horse'), true)
  t.equal(await newHasher().verify(`${BCRYPT.slice(0, -1)}3`, 'correct horse'), true)
})

const DAMAGED = [
  '',
  'correct horse',
  BCRYPT.slice(0, -1),
  `${BCRYPT}a`,
  `bcrypt_sha256$${BCRYPT}a`,
  `bcrypt_sha256$${BCRYPT.replace('$05', '$03')}`,
  `bcrypt_sha256${BCRYPT}`,
  `${BCRYPT}\n`,
  BCRYPT.replace('$05', '$5'),
  BCRYPT.replace('$05', '$03'),
  BCRYPT.replace('2b', '2x'),
  BCRYPT.replace('2b', '2'),
  DJANGO.replace('1000', '0'),
  DJANGO.replace('1000', '-1'),
  DJANGO.replace('1000', '1e3'),
  DJANGO.replace('seasalt123', ''),
  DJANGO.slice(0, -1),
  DJANGO.replace('sha256', 'sha1'),
  SCRYPT.replace('ln=10', 'ln=0'),
  SCRYPT.replace('r=8', 'r=0'),
  SCRYPT.replace('p=1', 'p=0'),
  SCRYPT.replace('ln=10,r=8', 'ln=16,r=1'),
  SCRYPT.slice(0, -30),
  SCRYPT.replace('ln=10,r=8,p=1', 'n=1024,r=8,p=1'),
  '$argon2id$',
  '$argon2id$v=19$m=1,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAA',
]

const TOO_COSTLY = [
  BCRYPT.replace('$05', '$16'),
  `bcrypt_sha256$${BCRYPT.replace('$05', '$16')}`,
  BCRYPT.replace('$05', '$31'),
  DJANGO.replace('1000', '5000001'),
  DJANGO.replace('1000', '9999999999'),
  SCRYPT.replace('ln=10', 'ln=18'),
  SCRYPT.replace('ln=10', 'ln=63'),
  SCRYPT.replace('r=8', 'r=999999'),
  SCRYPT.replace('p=1', 'p=999999'),
  '$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
]

t.test('a damaged hash and one that costs too much match nothing and are reported', async t => {
  const damage: string[] = []
  const hasher = newHasher(damage)
  for (const stored of [...DAMAGED, ...TOO_COSTLY]) {
    t.not(checkHash(stored), 'valid', JSON.stringify(stored))
    t.equal(await hasher.verify(stored, 'correct horse'), false)
  }
  t.equal(damage.length, DAMAGED.length + TOO_COSTLY.length)
  for (const message of damage.slice(DAMAGED.length)) t.match(message, /costs too much to verify$/)
  for (const message of damage) t.notMatch(message, /seasalt|aM15713|abcdefgh|correct horse/, 'the hash is not quoted')
})

t.test('the most costly accepted hashes can be verified', async t => {
  for (const stored of [
    SCRYPT.replace('ln=10', 'ln=17'),
    SCRYPT.replace('ln=10,r=8,p=1', 'ln=13,r=8,p=10'),
    DJANGO.replace('1000', '1200000'),
  ]) {
    const damage: string[] = []
    t.equal(checkHash(stored), 'valid')
    t.equal(await newHasher(damage).verify(stored, 'correct horse'), false)
    t.same(damage, [])
  }
})

t.test('the service’s own hashes, and stronger and weaker argon2id hashes, can be verified', async t => {
  for (const options of [{}, { memoryCost: 4096, timeCost: 1 }, { memoryCost: 65_536, timeCost: 3, parallelism: 4 }])
    t.equal(checkHash(await argon2('x', options)), 'valid')
  t.equal(checkHash(await newHasher().hash('x')), 'valid')
})

t.test('hashes of other systems use the same queue', async t => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 0 })
  for (const stored of [BCRYPT.replace('$05', '$12'), DJANGO.replace('1000', '1000000'), SCRYPT.replace('10', '16')]) {
    const slow = hasher.verify(stored, 'correct horse')
    await delay(0)
    t.equal(hasher.pending, 1)
    await t.rejects(hasher.verifyDummyHash('next'), { code: 'busy' })
    await slow
  }
  t.equal(await hasher.verifyDummyHash('next'), false)
})
