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

/** The names of the slots of a cookie: how many there are is said where tokens are given theirs. */
export function slotName(name: string, slot: number): string {
  return `${name}-${slot.toString(16)}`
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
