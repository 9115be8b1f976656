import { cp, lstat } from 'node:fs/promises'

/** Copies an installed package as an install with `--ignore-scripts` would have left it: without links. */
export async function copyPackage(from: string, to: string): Promise<string> {
  await cp(from, to, { recursive: true, filter: async path => !(await lstat(path)).isSymbolicLink() })
  return to
}
