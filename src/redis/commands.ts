import type { Cluster, Redis } from 'ioredis'
import { isWrongType } from './errors.js'

/** Each script is one atomic command for Redis. The keys of one script share a slot of a Redis Cluster. */
export interface RedisScripts {
  /** Sets a number and its time to live (ms, or 0 for no end), but never lowers either. */
  latchkeyRaise(key: string, value: number, ttlMs: number): Promise<unknown>
  /**
   * Stores when a session was seen, as a text that begins with that time and a dot, unless a later time is stored; and
   * the newest generation that was seen, as a text that begins with the generation, a colon, the time and a dot, unless
   * a younger generation is stored, or the same one with a later time. Stored values that are impossible, because they
   * are later than `latest` or far ahead of the generation, are replaced.
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
  /** Adds an entry to the stream of revocations; returns 1 if the stream had to be created again for that. */
  latchkeyPublish(key: string, maxEntries: number, ttlMs: number, revocations: string, mac: string): Promise<0 | 1>
  /**
   * Moves a watermark (`<server>:<decimal>`) forward, never back on the same server, and sets its time to live (ms);
   * but only if `copyKey` still holds the id of this copy. Deletes `copyKey`.
   */
  latchkeyAdvance(
    key: string,
    copyKey: string,
    server: string,
    position: string,
    ttlMs: number,
    copyId: string,
  ): Promise<unknown>
  /** Adds 1 and returns the count, the milliseconds left, and 1 if the stored value could not have been a count. */
  latchkeyHit(key: string, windowMs: number): Promise<[count: number, resetsInMs: number, wasRepaired: 0 | 1]>
  /** Subtracts 1, but not below 0. */
  latchkeyUnhit(key: string): Promise<unknown>
}

/** Adds the scripts to a client. ioredis sends the text once for each connection, and then only its digest. */
export function withScripts(redis: Redis | Cluster): (Redis | Cluster) & RedisScripts {
  for (const [name, script] of Object.entries(SCRIPTS)) redis.defineCommand(name, script)
  return redis as (Redis | Cluster) & RedisScripts
}

/** A denied right must be returned as an error, and must not be treated as a value of another type. */
const check = `
local function denied(answer)
  local err = type(answer) == 'table' and answer.err or ''
  return string.find(err, 'ACL failure', 1, true) or string.find(err, 'user executing the script', 1, true)
end
`

/**
 * PTTL returns -1 for a key without an end and -2 for a key that does not exist. A value that is not a number was not
 * written by this service and is replaced, as in the scripts below. SET replaces any type.
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
 * A sighting whose time to live is 0 or less is not stored. An access token is valid for a few generations, so a
 * generation that is a thousand ahead of one that is still in use was not written by this service.
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

/**
 * XADD fails on a key of another type and after the greatest id, so the stream is deleted. When Redis is full it fails
 * too, but only for a time.
 */
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

/**
 * Positions have up to 20 digits, more than a number in Lua can hold exactly: they are compared by length, then as
 * texts.
 */
const advance = `${check}
local copy = redis.pcall('GET', KEYS[2])
if denied(copy) then return copy end
if copy ~= ARGV[4] then return end
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
 * A counter without an end (after PERSIST, or a bad restore) would block for ever, so its end is set again. So is the
 * end of a counter that ends later than its window. A counter that is not a positive number starts again at 1.
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

/** Every script, by the name of its method. */
export const SCRIPTS: Readonly<Record<keyof RedisScripts, { numberOfKeys: number; lua: string }>> = {
  latchkeyRaise: { numberOfKeys: 1, lua: raise },
  latchkeyRecordActivity: { numberOfKeys: 2, lua: recordActivity },
  latchkeyPublish: { numberOfKeys: 1, lua: publish },
  latchkeyAdvance: { numberOfKeys: 2, lua: advance },
  latchkeyHit: { numberOfKeys: 1, lua: hit },
  latchkeyUnhit: { numberOfKeys: 1, lua: unhit },
}

/**
 * The text under a key, null if there is none. A value of another type is returned as an empty text, which this service
 * never writes.
 */
export async function getText(redis: Redis | Cluster, key: string): Promise<string | null> {
  try {
    return await redis.get(key)
  } catch (error) {
    if (isWrongType(error)) return ''
    throw error
  }
}

/** The largest number of commands at a time; a whole journal may be copied at once. */
const BATCH_SIZE = 1000

/** Calls `send` for each item, a batch at a time. */
export async function inBatches<T>(items: Iterable<T>, send: (item: T) => Promise<unknown>): Promise<void> {
  let sent: Promise<unknown>[] = []
  for (const item of items) {
    sent.push(send(item))
    if (sent.length < BATCH_SIZE) continue
    await Promise.all(sent)
    sent = []
  }
  await Promise.all(sent)
}
