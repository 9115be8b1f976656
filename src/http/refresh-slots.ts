import { randomBytes } from 'node:crypto'

/**
 * The value of a slot. A browser has its refresh token in two cookies: in one with a fixed name, and in a slot, whose name
 * changes with each generation. An answer that arrives late overwrites the first cookie, but not a newer token in another
 * slot. So a browser never goes back to an older token, whatever the order in which the answers arrive.
 *
 * The slot also holds a mark: four random bytes, new in each answer. If two browsers use the same session, one of them
 * with stolen cookies, their marks differ from the first rotation on.
 */
export interface Slot {
  token: string
  mark: number
}

/**
 * The name of a slot's cookie.
 *
 * @param name of the refresh cookie
 * @param slot three hexadecimal digits
 */
export function slotName(name: string, slot: string): string {
  return `${name}-${slot}`
}

/** The slot that a cookie name belongs to; undefined if it is not the name of a slot. */
export function slotOfCookie(name: string, cookieName: string): string | undefined {
  const slot = cookieName.startsWith(`${name}-`) ? cookieName.slice(name.length + 1) : ''
  return /^[0-9a-f]{3}$/.test(slot) ? slot : undefined
}

export function writeSlot({ token, mark }: Slot): string {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(mark)
  return `${token}.${bytes.toString('base64url')}`
}

/** Undefined if the value does not have the format of a slot. */
export function readSlot(value: string): Slot | undefined {
  const [, token, mark] = /^([\w-]{1,256})\.([\w-]{6})$/.exec(value) ?? []
  return token === undefined || mark === undefined
    ? undefined
    : { token, mark: Buffer.from(mark, 'base64url').readInt32BE() }
}

export function newMark(): number {
  return randomBytes(4).readInt32BE()
}
