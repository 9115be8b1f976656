import type { Cluster, Redis } from 'ioredis'

/** Each is one command for Redis, so that nothing comes between its steps; the keys of one share a cluster slot. */
export interface RedisScripts {
  /** Sets a number and its time to live (ms, or 0 for ever), but lowers neither. */
  latchkeyRaise(key: string, value: number, ttlMs: number): Promise<unknown>
  /** The same for two keys and one number, with a time to live each. */
  latchkeySee(
    session: string,
    generation: string,
    seenAt: number,
    ttlMs: number,
    generationTtlMs: number,
  ): Promise<unknown>
  /**
   * Moves a watermark (`<server>:<decimal>`) forward, never back on the same server, and keeps it for so long (ms); but
   * only if the witness still names this copy. Takes the witness away.
   */
  latchkeyAdvance(
    key: string,
    witness: string,
    server: string,
    position: string,
    ttlMs: number,
    copyId: string,
  ): Promise<unknown>
  /** Counts one up and answers the count and the milliseconds left. */
  latchkeyHit(key: string, windowMs: number): Promise<[count: number, resetsInMs: number]>
  /** Counts one down, not below zero. */
  latchkeyUnhit(key: string): Promise<unknown>
}

/** Teaches a client the scripts. ioredis sends the text once a connection and its digest from then on. */
export function withScripts(redis: Redis | Cluster): (Redis | Cluster) & RedisScripts {
  redis.defineCommand('latchkeyRaise', { numberOfKeys: 1, lua: `${raise}raise(KEYS[1], ARGV[1], tonumber(ARGV[2]))` })
  redis.defineCommand('latchkeySee', { numberOfKeys: 2, lua: see })
  redis.defineCommand('latchkeyAdvance', { numberOfKeys: 2, lua: advance })
  redis.defineCommand('latchkeyHit', { numberOfKeys: 1, lua: hit })
  redis.defineCommand('latchkeyUnhit', { numberOfKeys: 1, lua: unhit })
  return redis as (Redis | Cluster) & RedisScripts
}

/** PTTL answers -1 for a key that stays for ever and -2 for one that does not exist. */
const raise = `
local function raise(key, value, ttl)
  local held = redis.call('GET', key)
  if held and tonumber(held) > tonumber(value) then value = held end
  local left = redis.call('PTTL', key)
  if ttl == 0 or left == -1 then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PX', math.max(ttl, left))
  end
end
`

/** A lifetime of zero or less is over; such a sighting leaves nothing. */
const see = `${raise}
for i = 1, 2 do
  local ttl = tonumber(ARGV[i + 1])
  if ttl > 0 then raise(KEYS[i], ARGV[1], ttl) end
end
`

/** Positions have up to 20 digits, more than a number of Lua holds: the longer is the greater. */
const advance = `
if redis.call('GET', KEYS[2]) ~= ARGV[4] then return end
redis.call('DEL', KEYS[2])
local held = redis.call('GET', KEYS[1]) or ''
local server, reached = string.match(held, '^(.*):(%d+)$')
local position = ARGV[2]
if server == ARGV[1] and (#reached > #position or (#reached == #position and reached > position)) then
  position = reached
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. position, 'PX', ARGV[3])
`

/** A counter without an end (somebody ran PERSIST, or restored it badly) would block for ever: it gets one again. */
const hit = `
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
`

const unhit = `
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held > 0 then redis.call('DECR', KEYS[1]) end
`
