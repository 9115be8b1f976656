import { cp, lstat } from 'node:fs/promises'

/** Copies an installed package without its links, as an install with `--ignore-scripts` leaves it. */
export async function copyPackage(from: string, to: string): Promise<string> {
  await cp(from, to, { recursive: true, filter: async path => !(await lstat(path)).isSymbolicLink() })
  return to
}
