import { randomBytes } from 'node:crypto'

/**
 * A refresh token stands in two cookies of the same browser: in the one that everybody knows by name, and in a slot, whose
 * name changes with each generation. An answer that arrives late overwrites the first, and leaves the younger token in its
 * slot alone; so a browser never goes back to an older token, whatever the order in which its answers arrive.
 *
 * In the slot a mark stands beside the token: four random bytes, others in each answer. Two browsers that go on with the
 * same session, one of them with stolen cookies, have different ones from the first rotation on.
 */
export interface Slot {
  token: string
  mark: number
}

/** The name of the cookie that is a slot: three hexadecimal digits behind the name that everybody knows. */
export function slotName(name: string, slot: string): string {
  return `${name}-${slot}`
}

/** Which slot of a cookie has this name; undefined if it is none. */
export function slotOfCookie(name: string, cookieName: string): string | undefined {
  const slot = cookieName.startsWith(`${name}-`) ? cookieName.slice(name.length + 1) : ''
  return /^[0-9a-f]{3}$/.test(slot) ? slot : undefined
}

export function writeSlot({ token, mark }: Slot): string {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(mark)
  return `${token}.${bytes.toString('base64url')}`
}

/** Undefined for what is no slot of ours. */
export function readSlot(value: string): Slot | undefined {
  const [, token, mark] = /^([\w-]{1,256})\.([\w-]{6})$/.exec(value) ?? []
  return token === undefined || mark === undefined
    ? undefined
    : { token, mark: Buffer.from(mark, 'base64url').readInt32BE() }
}

export function newMark(): number {
  return randomBytes(4).readInt32BE()
}
