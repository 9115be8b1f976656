import { createHmac, timingSafeEqual } from 'node:crypto'

/** Newest first: the first makes, all verify. */
export type MacKeys = readonly [Buffer, ...Buffer[]]

/** Tells what this service wrote into Redis from what somebody else did. */
export interface Mac {
  /** The tag of a text that is kept under this name: HMAC-SHA-256 in base64url. */
  tagOf(name: string, text: string): string
  /** Whether one of our keys made this tag, for this text and under this name. */
  isGenuine(name: string, text: string, tag: string): boolean
}

/** The tag covers the name of the key in Redis, so that what is genuine there is not believed elsewhere. */
export function createMac(keys: MacKeys): Mac {
  return {
    tagOf: (name, text) => tagWith(keys[0], name, text),
    isGenuine(name, text, tag) {
      const given = Buffer.from(tag)
      return keys.some(key => {
        const ours = Buffer.from(tagWith(key, name, text))
        return ours.length === given.length && timingSafeEqual(ours, given)
      })
    },
  }
}

/** No name has a NUL in it, so one pair of name and text can't be read as another. */
function tagWith(key: Buffer, name: string, text: string): string {
  return createHmac('sha256', key).update(`${name}\0`).update(text).digest('base64url')
}
