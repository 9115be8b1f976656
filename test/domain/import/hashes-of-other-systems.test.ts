import t from 'tap'
import { ImportError } from '../../../src/domain/import/import-error.js'
import { readAccount } from '../../../src/domain/import/read-account.js'
import { createPasswordHasher } from '../../../src/domain/passwords/password-hasher.js'

const SHA256 = '$pbkdf2-sha256$1000$LQXAGMOYkzIGoJSSsrZWag$b6pzQ1.L4nysdh..dLykduKoQbXvewJoKH5puqUhie8'
const BCRYPT = '$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2'
const ARGON2I = '$argon2i$v=19$m=1024,t=1,p=1$0Zbm/HFfbLGrPZsFE2Iv8g$6yTzbV9/sH0w7AbMJgYoikuZ4AQ4UWUlPXtC7HpUqGs'
const WERKZEUG = 'pbkdf2:sha256:1000$FsEpCorySfO9W7rk$a9d2f732b2478a5be943742dc3e33652e0e0bb7ce07e2df090bd7a71dabb9e0c'
const ASP_NET_V3 =
  'AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ='
const KEYCLOAK = {
  value: 'ZXVC08Hf4jBOoYzVoNWYjQijsMC2oc/OUa9LciiIJ/1XHPF/qPiY1DqwLLDN2hYFmf/1kApkveD8/Pr7GVqjgw==',
  salt: 'Td6XuopYK6JNfUnIlqYMOQ==',
}

/** Made by the libraries themselves, or taken from their tests and documentation. */
const HASHES: [madeBy: string, hash: unknown, password?: string][] = [
  ['Passlib 1.7', SHA256],
  [
    'Passlib 1.7, SHA-512',
    '$pbkdf2-sha512$1000$EgLgfC8F4BwDoFRqDeGcEw$JTRJFI7RRCaC1RD6Tkp0lqLlmW1WW7YmUpSkHqv8ys5kaTyfh90m.nMXhQ930Wb5bmbNrz3jAbTzm9U9T.UFXg',
  ],
  ['Passlib 1.7, SHA-1', '$pbkdf2$1000$y1mL8T4nxPj//7.31poTog$d59pF5bdPY7Rn725BFtb4t5SNh8'],
  ['Passlib 1.7, for LDAP', '{PBKDF2-SHA256}1000$J0QIQUjpXat1LiVkzJnzfg$jlrvjFbxHzCTH8C3Rc0jjAGZKh5xGcGhLndUq9Mp8eI'],
  ['Werkzeug 3', WERKZEUG],
  [
    'Werkzeug 3, SHA-512',
    'pbkdf2:sha512:1000$LIZ0BgkxQcbCxoQA$c5cdbbb635305b2af93573ab8fa5f2e05ce1841fd09b06803498cd35313cb0edd810b7b8a39b28940cc8bc94f366dfe049b5bf401307669b3e81141da7fd814b',
  ],
  ['Werkzeug 3, SHA-1', 'pbkdf2:sha1:1000$Mn152Q7AT7k3qyVR$06a2486222209e6461d9411234fce35a8e57ec58'],
  [
    'Werkzeug 3, scrypt',
    'scrypt:1024:8:1$t4ZpLId7vUFFLolr$cf0bd1e99464c4fdc39a7185a31164483dd0229842a78f8736d7c726f33d95167dfbbc70554501d672556f52e0c57d2d4c4acea80cb9e69fa3bb7067d98cf66c',
  ],
  [
    'Werkzeug 3, its default',
    'scrypt:32768:8:1$OxwZN64iPg878VFy$c2a8c8beb1daf00f3bfbd07ca213e808d69478e2e8f3ad3e9169f820b24c73b79a8d1f8f2583ccea66694bfd8cfb191196c2b2d53e0eb58487325036d6fcb57a',
  ],
  ['Django 5, SHA-1', 'pbkdf2_sha1$1000$seasalt123$8QIuLeMh87ONHQNhnpKQjEw2feU='],
  ['argon2-cffi, argon2i', ARGON2I],
  [
    'argon2-cffi, argon2d',
    '$argon2d$v=19$m=1024,t=1,p=1$XiJIqEZVz7Mw8d+Raa/xSg$BWp//MzbfkQKKp+2TrA8Np3362Of3kwUK8Ds2KTypuQ',
  ],
  ['argon2-cffi, argon2i in padded base64', ARGON2I.replace('Iv8g$', 'Iv8g==$').replace(/$/, '=')],
  [
    'ASP.NET Core Identity, version 2',
    'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==',
    'my password',
  ],
  [
    'ASP.NET Core Identity, version 3 with SHA-1',
    'AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M',
    'my password',
  ],
  ['ASP.NET Core Identity, version 3', ASP_NET_V3, 'my password'],
  [
    'ASP.NET Core Identity, version 3 with SHA-512',
    'AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw',
    'my password',
  ],
  [
    'Keycloak',
    {
      type: 'password',
      secretData: JSON.stringify({ ...KEYCLOAK, additionalParameters: {} }),
      credentialData: JSON.stringify({ hashIterations: 27500, algorithm: 'pbkdf2-sha256', additionalParameters: {} }),
    },
    'RdaRfqP7Y89vy2',
  ],
  [
    'Keycloak, before version 8',
    {
      hashedSaltedValue: KEYCLOAK.value,
      salt: KEYCLOAK.salt,
      hashIterations: 27500,
      algorithm: 'pbkdf2-sha256',
    },
    'RdaRfqP7Y89vy2',
  ],
  [
    'Keycloak, argon2 in its fields',
    {
      salt: '0Zbm/HFfbLGrPZsFE2Iv8g==',
      value: '6yTzbV9/sH0w7AbMJgYoikuZ4AQ4UWUlPXtC7HpUqGs=',
      algorithm: 'argon2',
      hashIterations: 1,
      additionalParameters: { type: ['i'], version: ['1.3'], memory: ['1024'], parallelism: ['1'] },
    },
  ],
  ['Spring Security, bcrypt', '{bcrypt}$2a$10$dXJ3SW6G7P50lGmMkkmwe.20cQQubK3.HZWzG3YB1tlRy.fqvM/BG', 'password'],
  [
    'Spring Security, PBKDF2',
    '{pbkdf2}5d923b44a6d129f3ddf3e3c8d29412723dcbde72445e8ef6bf3b508fbf17fa4ed4d6b99ca763d8dc',
    'password',
  ],
  [
    'Spring Security, scrypt',
    '{scrypt}$e0801$8bWJaSu2IKSn9Z9kM+TPXfOc/9bdYSrN1oD9qfVThWEwdRTnO7re7Ei+fUZRJ68k9lTyuTeUp4of4g24hHnazw==$OAOec05+bXxvuu/1qZ6NUR+xQYvYv7BeL1QxwRpY5Pc=',
    'password',
  ],
  ['Spring Security, argon2', `{argon2@SpringSecurity_v5_8}${ARGON2I}`],
  ['OpenLDAP, crypt(3)', `{CRYPT}${BCRYPT}`],
  ['Dovecot', `{BLF-CRYPT}${BCRYPT}`],
  ['bcrypt with a line end', `${BCRYPT}\n`],
]

const storedForm = (password_hash: unknown) =>
  readAccount(JSON.stringify({ email: 'ada@example.com', password_hash }), () => {}).passwordHash

/** The reason why a hash is refused. */
function faultOf(password_hash: unknown): string {
  try {
    return `accepted as ${storedForm(password_hash)}`
  } catch (error) {
    if (error instanceof ImportError) return error.message
    throw error
  }
}

const newHasher = () =>
  createPasswordHasher({ concurrency: 1, queue: 4, onDamagedHash: error => t.fail(error.message) })

t.test('an imported hash of any supported system matches its old password and no other', async t => {
  const hasher = newHasher()
  for (const [madeBy, hash, password = 'correct horse'] of HASHES) {
    const stored = storedForm(hash)
    t.equal(await hasher.verify(stored, password), true, madeBy)
    t.equal(await hasher.verify(stored, `${password}!`), false, madeBy)
    t.equal(hasher.needsUpgrade(stored), true, madeBy)
  }
})

t.test('an account without a password can be imported, and no password matches it', async t => {
  const hasher = newHasher()
  for (const none of ['!emjzXS820GNSk6iKnzEVYazQp27nByCaZwNwNkIi', '!', '*', '!$6$salt$hash']) {
    const stored = storedForm(none)
    t.equal(stored, '!')
    for (const password of [none, stored, '', 'correct horse']) t.equal(await hasher.verify(stored, password), false)
  }
})

t.test('a refused hash is reported as unknown, damaged or too costly', async t => {
  const unknown = 'The password_hash has an unknown scheme.'
  for (const hash of [
    'plain text',
    '{noop}password',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29',
    '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
    '$6$rounds=5000$salt$hash',
    `{pbkdf2}${'0'.repeat(96)}`,
    'pbkdf2:md5:1000$salt$a9d2f732b2478a5be943742dc3e33652',
    ASP_NET_V3.replace('AAAAIESk', 'AAAAYESk'),
    'AQAAAAkAACcQAAAAEHheUovUgwiWJ7YO0aLoq2/TvJYEdPiBlNJplaMUaQKQPSu7SHMgf0zsEnhCVijJ0w==',
    { ...KEYCLOAK, algorithm: 'argon2', hashIterations: 1 },
    { ...KEYCLOAK, algorithm: 'md5', hashIterations: 1 },
    { ...KEYCLOAK, algorithm: 'pbkdf2-sha256', hashIterations: '27500' },
    { algorithm: 'pbkdf2-sha256', hashIterations: 27500 },
    { ...KEYCLOAK, credentialData: '{' },
    [],
    7,
  ])
    t.equal(faultOf(hash), unknown, JSON.stringify(hash))

  const damaged = 'The password_hash is damaged.'
  for (const hash of [
    BCRYPT.slice(0, -1),
    SHA256.slice(0, -30),
    SHA256.replace('$1000$', '$0$'),
    WERKZEUG.replace('1000', '0'),
    'scrypt:1000:8:1$salt$cf0bd1e99464c4fdc39a7185a31164483dd0229842a78f8736d7c726f33d9516',
    ARGON2I.slice(0, -30),
  ])
    t.equal(faultOf(hash), damaged, JSON.stringify(hash))

  const tooCostly = 'The password_hash costs too much to verify.'
  for (const hash of [
    BCRYPT.replace('$05', '$16'),
    SHA256.replace('$1000$', '$5000001$'),
    WERKZEUG.replace('1000', '9999999999'),
    'scrypt:1048576:8:1$salt$cf0bd1e99464c4fdc39a7185a31164483dd0229842a78f8736d7c726f33d9516',
    ARGON2I.replace('m=1024', 'm=4194304'),
    { ...KEYCLOAK, algorithm: 'pbkdf2-sha256', hashIterations: 2_500_001 },
  ])
    t.equal(faultOf(hash), tooCostly, JSON.stringify(hash))
})
