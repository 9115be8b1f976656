import { createRequire } from 'node:module'
import type * as Argon2 from '@node-rs/argon2'
import type * as Bcrypt from '@node-rs/bcrypt'

export interface NativeHashes {
  argon2: typeof Argon2
  bcrypt: typeof Bcrypt
}

const require = createRequire(import.meta.url)
let loaded: NativeHashes | undefined

/**
 * The native password hashes. They are loaded at their first use and not with this file: their programs for each
 * platform are optional packages of theirs, and a start without them must say what to do.
 *
 * @throws Error that says which package is missing
 */
export function nativeHashes(): NativeHashes {
  loaded ??= { argon2: load('@node-rs/argon2'), bcrypt: load('@node-rs/bcrypt') }
  return loaded
}

function load(name: string) {
  try {
    return require(name)
  } catch (error) {
    throw new Error(
      `The password hash for this machine (${process.platform}-${process.arch}) is missing: it is an optional package ` +
        `of ${name}. Run "npm install" on this machine, without --omit=optional.`,
      { cause: error },
    )
  }
}
