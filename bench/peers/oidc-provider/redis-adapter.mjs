import { Redis } from 'ioredis'

// Stores what oidc-provider issues in Redis, by the contract of its documentation (Adapter): what can be consumed is a hash,
// so that consuming it writes one field; everything else is JSON. Grants list their keys, so that they can be revoked.

const CONSUMABLE = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest'])
const GRANTABLE = new Set(['AccessToken', ...CONSUMABLE])

const prefix = `${process.env.REDIS_KEY_PREFIX}:`
const redis = new Redis(process.env.REDIS_URL, { keyPrefix: prefix })

export class RedisAdapter {
  constructor(name) {
    this.name = name
  }

  key(id) {
    return `${this.name}:${id}`
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id)
    const json = JSON.stringify(payload)
    const commands = redis.multi()
    if (CONSUMABLE.has(this.name)) commands.hset(key, { payload: json })
    else commands.set(key, json)
    if (expiresIn) commands.expire(key, expiresIn)
    if (GRANTABLE.has(this.name) && payload.grantId) {
      const grant = `grant:${payload.grantId}`
      commands.rpush(grant, key)
      if (expiresIn) commands.expire(grant, expiresIn)
    }
    await commands.exec()
  }

  async find(id) {
    if (!CONSUMABLE.has(this.name)) return JSON.parse((await redis.get(this.key(id))) ?? 'null') ?? undefined
    const { payload, ...rest } = await redis.hgetall(this.key(id))
    return payload === undefined ? undefined : { ...JSON.parse(payload), ...rest }
  }

  async consume(id) {
    await redis.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000))
  }

  async destroy(id) {
    await redis.del(this.key(id))
  }

  async revokeByGrantId(grantId) {
    const grant = `grant:${grantId}`
    const keys = await redis.lrange(grant, 0, -1)
    await redis.del(grant, ...keys)
  }

  async findByUid() {}
  async findByUserCode() {}
}
