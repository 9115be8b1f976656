import t from 'tap'
import { argon2id } from '../../../src/domain/passwords/argon2id.js'
import { checkHash } from '../../../src/domain/passwords/hash-formats.js'

const bcrypt = '$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW'
const django = 'pbkdf2_sha256$600000$c2FsdHlzYWx0$YJ5vLr0pWyOBmZoWBDnB0AQ2bvyQ/3l6tIYVUn4IM3w='
const scrypt = '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E'

t.test('checkHash accepts hashes of every supported scheme', async t => {
  const hashes = [argon2id.hashSync('a passphrase'), bcrypt, django, scrypt]
  for (const hash of [...hashes, bcrypt.replace('$2b$', '$2a$'), bcrypt.replace('$2b$', '$2y$')])
    t.equal(checkHash(hash), 'valid', hash)
})

t.test('checkHash refuses damaged hashes and unsupported schemes', async t => {
  for (const text of [
    '',
    'a passphrase',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
    '!unusable',
    bcrypt.slice(0, -1),
    `${bcrypt}x`,
    `${bcrypt}\n`,
    bcrypt.replace('$2b$', '$2x$'),
    django.replace('sha256', 'sha1'),
    django.replace('600000', ''),
    `${scrypt.slice(0, 40)}`,
  ])
    t.not(checkHash(text), 'valid', text)
})
