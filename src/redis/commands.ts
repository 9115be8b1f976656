import type { Cluster, Redis } from 'ioredis'
import { isWrongType } from './errors.js'

/** Each is one command for Redis, so that nothing comes between its steps; the keys of one share a cluster slot. */
export interface RedisScripts {
  /** Sets a number and its time to live (ms, or 0 for ever), but lowers neither. */
  latchkeyRaise(key: string, value: number, ttlMs: number): Promise<unknown>
  /**
   * Keeps when a session was seen, as a text that begins with that instant and a dot, unless a later instant is kept
   * already; and the newest generation that was seen, as a text that begins with it, a colon, that instant and a dot,
   * unless a younger one is kept, or the same with a later instant. What can't be, because it is beyond the latest
   * instant, or far ahead of the generation, does not count.
   */
  latchkeyRecordActivity(
    session: string,
    newest: string,
    seenAt: number,
    latest: number,
    ttlMs: number,
    text: string,
    generation: number,
    newestText: string,
  ): Promise<unknown>
  /** Adds to the stream of revocations; answers 1 if it had to be made again for that. */
  latchkeyPublish(key: string, maxEntries: number, ttlMs: number, revocations: string, mac: string): Promise<0 | 1>
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
  /** Counts one up and answers the count, the milliseconds left, and 1 if what was there can't have been a count. */
  latchkeyHit(key: string, windowMs: number): Promise<[count: number, resetsInMs: number, wasRepaired: 0 | 1]>
  /** Counts one down, not below zero. */
  latchkeyUnhit(key: string): Promise<unknown>
}

/** Teaches a client the scripts. ioredis sends the text once a connection and its digest from then on. */
export function withScripts(redis: Redis | Cluster): (Redis | Cluster) & RedisScripts {
  redis.defineCommand('latchkeyRaise', { numberOfKeys: 1, lua: raise })
  redis.defineCommand('latchkeyRecordActivity', { numberOfKeys: 2, lua: recordActivity })
  redis.defineCommand('latchkeyPublish', { numberOfKeys: 1, lua: publish })
  redis.defineCommand('latchkeyAdvance', { numberOfKeys: 2, lua: advance })
  redis.defineCommand('latchkeyHit', { numberOfKeys: 1, lua: hit })
  redis.defineCommand('latchkeyUnhit', { numberOfKeys: 1, lua: unhit })
  return redis as (Redis | Cluster) & RedisScripts
}

/** What the user of Redis may not do must come out as an error, and not be taken for a value of another kind. */
const check = `
local function denied(answer)
  local err = type(answer) == 'table' and answer.err or ''
  return string.find(err, 'ACL failure', 1, true) or string.find(err, 'user executing the script', 1, true)
end
`

/**
 * PTTL answers -1 for a key that stays for ever and -2 for one that does not exist. What is no number there, somebody
 * else wrote: it is replaced, as are other such things below. SET replaces any type.
 */
const raise = `${check}
local value, ttl = ARGV[1], tonumber(ARGV[2])
local held = redis.pcall('GET', KEYS[1])
if denied(held) then return held end
local bound = type(held) == 'string' and tonumber(string.match(held, '^%d+$'))
if bound and bound > tonumber(value) then value = held end
local left = redis.call('PTTL', KEYS[1])
if ttl == 0 or left == -1 then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PX', math.max(ttl, left))
end
`

/**
 * A lifetime of zero or less is over; such a sighting leaves nothing. An access token lives for a few generations, so that
 * a generation a thousand ahead of one that is still seen was not written by us.
 */
const recordActivity = `${check}
local seenAt, latest, ttl, generation = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
if ttl <= 0 then return end
local held = redis.pcall('GET', KEYS[1])
if denied(held) then return held end
local heldAt = type(held) == 'string' and tonumber(string.match(held, '^(%d+)%.'))
if not (heldAt and heldAt > seenAt and heldAt <= latest) then redis.call('SET', KEYS[1], ARGV[4], 'PX', ttl) end

local newest = redis.pcall('GET', KEYS[2])
if denied(newest) then return newest end
local ahead, newestAt = string.match(type(newest) == 'string' and newest or '', '^(%d+):(%d+)%.')
if ahead and tonumber(newestAt) <= latest then
  ahead = tonumber(ahead) - generation
  if ahead > 0 and ahead < 1000 or ahead == 0 and tonumber(newestAt) > seenAt then return end
end
redis.call('SET', KEYS[2], ARGV[6], 'PX', ttl)
`

/** Nothing can be added to a key of another type, or behind the greatest id; nor while Redis is full, which passes. */
const publish = `
local function add(call)
  return call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'revocations', ARGV[3], 'mac', ARGV[4])
end
local repaired = 0
local added = add(redis.pcall)
if type(added) == 'table' then
  if string.find(added.err, 'OOM', 1, true) then return added end
  redis.call('DEL', KEYS[1])
  add(redis.call)
  repaired = 1
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return repaired
`

/** Positions have up to 20 digits, more than a number of Lua holds: the longer is the greater. */
const advance = `${check}
local witness = redis.pcall('GET', KEYS[2])
if denied(witness) then return witness end
if witness ~= ARGV[4] then return end
redis.call('DEL', KEYS[2])
local held = redis.pcall('GET', KEYS[1])
local server, reached = string.match(type(held) == 'string' and held or '', '^(.*):(%d+)$')
local position = ARGV[2]
if server == ARGV[1] and #reached <= 20 and (#reached > #position or (#reached == #position and reached > position)) then
  position = reached
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. position, 'PX', ARGV[3])
`

/**
 * A counter without an end (somebody ran PERSIST, or restored it badly) would block for ever: it gets one again. So
 * does one that ends later than its window, and one that counts nothing begins again.
 */
const hit = `${check}
local window = tonumber(ARGV[1])
local count = redis.pcall('INCR', KEYS[1])
if denied(count) then return count end
local left = redis.call('PTTL', KEYS[1])
if type(count) ~= 'number' or count < 1 then
  redis.call('SET', KEYS[1], 1, 'PX', window)
  return {1, window, 1}
end
local repaired = left > window and 1 or 0
if left < 0 or left > window then
  left = window
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left, repaired}
`

const unhit = `${check}
local text = redis.pcall('GET', KEYS[1])
if denied(text) then return text end
local held = type(text) == 'string' and tonumber(text)
if held and held > 0 then
  local count = redis.pcall('DECR', KEYS[1])
  if denied(count) then return count end
end
`

/**
 * The text under a key, null if there is none. What is of another type reads as an empty text, which nothing of ours is.
 */
export async function getText(redis: Redis | Cluster, key: string): Promise<string | null> {
  try {
    return await redis.get(key)
  } catch (error) {
    if (isWrongType(error)) return ''
    throw error
  }
}

/** So many commands are on their way at a time at most; a whole journal may be copied at once. */
const BATCH_SIZE = 1000

/** Sends something for each item, many at a time but never all of a million. */
export async function inBatches<T>(items: readonly T[], send: (item: T) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < items.length; start += BATCH_SIZE) {
    await Promise.all(items.slice(start, start + BATCH_SIZE).map(send))
  }
}
