import t from 'tap'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'

const jwtSecret = 'a JWT_SECRET of thirty-two bytes'
const refreshSecret = 'a JWT_REFRESH_SECRET of some more'

t.test('every use of a secret has its own key, even if both secrets are the same', async t => {
  const { refreshKeys, resetKeys, deviceKeys, keyEncryptionKeys, redisMacKeys } = deriveSecrets({
    jwtSecrets: [jwtSecret],
    refreshSecrets: [jwtSecret],
  })
  const [{ tagKey, salt }] = refreshKeys
  const keys = [tagKey, salt, resetKeys[0].tagKey, deviceKeys[0].tagKey, keyEncryptionKeys[0].key, redisMacKeys[0]]
  t.equal(new Set(keys.map(key => key.toString('hex'))).size, 6)
  t.ok(
    keys.every(key => key.length === 32),
    'each of 32 bytes',
  )
})

t.test('a secret gives the same keys in every release', async t => {
  // Changing these values would sign every user out and make the stored signing keys unreadable.
  const secrets = deriveSecrets({ jwtSecrets: [jwtSecret], refreshSecrets: [refreshSecret] })
  const { refreshKeys, deviceKeys, keyEncryptionKeys } = secrets
  t.same(
    [refreshKeys[0].id, refreshKeys[0].tagKey.toString('hex'), refreshKeys[0].salt.toString('hex')],
    [
      251,
      'd1a5ee434884647d379e1279cefa50737c714731faf1f407e1d54ab22cf8c65f',
      '4aa080975f6cbf5df3959f38a242ba18e3790a5dcc2306d67e54d7bf9139a99c',
    ],
  )
  t.same(
    [deviceKeys[0].id, deviceKeys[0].tagKey.toString('hex')],
    [87, '19692887d722057791912d7861b67b1580721de2011b611121292d2d43ddb6f0'],
  )
  t.same(
    [keyEncryptionKeys[0].id, keyEncryptionKeys[0].key.toString('hex')],
    [221, '060c0fa90ce4629f1dedcf98d23343c2adbca7d8b7230110e9859e71525f47f3'],
  )
})

t.test('keys are derived from every secret, in the order of the secrets', async t => {
  const both = deriveSecrets({ jwtSecrets: [jwtSecret, refreshSecret], refreshSecrets: [refreshSecret, jwtSecret] })
  const swapped = deriveSecrets({ jwtSecrets: [refreshSecret, jwtSecret], refreshSecrets: [jwtSecret, refreshSecret] })
  t.same(both.keyEncryptionKeys, [...swapped.keyEncryptionKeys].reverse())
  t.same(both.refreshKeys, [...swapped.refreshKeys].reverse())
})

t.test('a missing, empty or too short secret (under 32 bytes) is refused by its name and not shown', async t => {
  const short = 'thirty-one bytes are not enough'
  const derive = (jwtSecrets: string[], refreshSecrets: string[]) => () => deriveSecrets({ jwtSecrets, refreshSecrets })
  t.throws(derive([], [refreshSecret]), { message: 'JWT_SECRET is not set' })
  t.throws(derive([jwtSecret], []), { message: 'JWT_REFRESH_SECRET is not set' })
  t.throws(derive([''], [refreshSecret]), { message: 'JWT_SECRET must have at least 32 bytes' })
  t.throws(derive([jwtSecret, ''], [refreshSecret]), { message: 'JWT_SECRET must have at least 32 bytes' })
  t.throws(derive([jwtSecret], [short]), { message: 'JWT_REFRESH_SECRET must have at least 32 bytes' })
})
