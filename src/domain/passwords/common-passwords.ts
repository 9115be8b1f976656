import { createRequire } from 'node:module'
import { foldedForm } from '../../lib/normalize.js'

/**
 * Whether a password is one of those that people choose most often, and attackers try first.
 *
 * The list is that of zxcvbn-ts (`@zxcvbn-ts/language-common`, MIT), of which nothing else is loaded. It is read when
 * the first new password is checked, not at the start: that takes some 40 ms once, and 3 MB from then on.
 *
 * @param folded in its folded form
 */
export function isCommonPassword(folded: string): boolean {
  list ??= readList()
  return list.has(folded)
}

let list: ReadonlySet<string> | undefined

/** No password may be shorter, whatever PASSWORD_MIN_LENGTH says, so shorter ones need not be kept. */
const SHORTEST = 8

function readList(): ReadonlySet<string> {
  const all: readonly string[] = createRequire(import.meta.url)('@zxcvbn-ts/language-common/dist/passwords.json.cjs')
  return new Set(all.filter(password => password.length >= SHORTEST).map(foldedForm))
}
