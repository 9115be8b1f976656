import { createHmac, timingSafeEqual } from 'node:crypto'

/** The key that makes and checks the tags of one kind of token. */
export interface TagKey {
  /**
   * The byte in a token that names its key, for formats that have one. It is only a hint: two keys can have the same
   * id, so each key with that id is tried.
   */
  readonly id?: number
  readonly tagKey: Buffer
}

export interface TaggedTokenFormat {
  /** The text before the encoded bytes. */
  prefix?: string
  version: number
  /** Whether the key id follows the version; then each key must have an id. */
  hasKeyId: boolean
  bodyBytes: number
}

/** A token whose form is correct. Only {@link TaggedTokens.verify} says whether its tag is. */
export interface ParsedToken {
  text: string
  /** All bytes before the tag. */
  head: Buffer
  keyId: number | undefined
  body: Buffer
  tag: Buffer
}

export interface TaggedTokens {
  /** @param associated bytes that the tag covers but the token does not contain */
  write(body: Buffer, key: TagKey, associated?: Buffer): string
  /** Checks the prefix, the length, the version and the spelling, not the tag; undefined if one of them is wrong. */
  parse(text: string): ParsedToken | undefined
  /** The key that made the tag, if it is one of these. */
  verify<Key extends TagKey>(token: ParsedToken, keys: readonly Key[], associated?: Buffer): Key | undefined
}

const TAG_BYTES = 16

/**
 * Tokens that only this service can make, and can check without a store. A token is its prefix and, in base64url:
 * version (1 byte), key id (1 byte, if the format has it), body, tag (16 bytes). The tag is an HMAC-SHA-256, cut to 16
 * bytes, over all bytes before it and the associated bytes.
 */
export function taggedTokens({ prefix = '', version, hasKeyId, bodyBytes }: TaggedTokenFormat): TaggedTokens {
  const bodyAt = hasKeyId ? 2 : 1
  const tagAt = bodyAt + bodyBytes

  return {
    write(body, key, associated) {
      const header = hasKeyId && key.id !== undefined ? [version, key.id] : [version]
      const head = Buffer.concat([Buffer.from(header), body])
      if (head.length !== tagAt) throw new RangeError('the key or the body does not fit the format of the token')
      return prefix + Buffer.concat([head, tagOf(head, key, associated)]).toString('base64url')
    },

    parse(text) {
      if (!text.startsWith(prefix)) return undefined
      const encoded = text.slice(prefix.length)
      const bytes = Buffer.from(encoded, 'base64url')
      if (bytes.length !== tagAt + TAG_BYTES || bytes[0] !== version) return undefined
      // A token has one spelling: a text that is not the encoding of its own bytes is not a token.
      if (bytes.toString('base64url') !== encoded) return undefined
      return {
        text,
        head: bytes.subarray(0, tagAt),
        keyId: hasKeyId ? bytes[1] : undefined,
        body: bytes.subarray(bodyAt, tagAt),
        tag: bytes.subarray(tagAt),
      }
    },

    verify({ head, keyId, tag }, keys, associated) {
      return keys.find(
        key => (keyId === undefined || keyId === key.id) && timingSafeEqual(tagOf(head, key, associated), tag),
      )
    },
  }
}

function tagOf(head: Buffer, { tagKey }: TagKey, associated: Buffer = NOTHING): Buffer {
  return createHmac('sha256', tagKey).update(head).update(associated).digest().subarray(0, TAG_BYTES)
}

const NOTHING = Buffer.alloc(0)

/** A number as tokens contain it: 4 bytes, big endian. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
