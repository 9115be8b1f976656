/**
 * The elements of a `text[]` as Postgres writes it (its manual, 8.15.6), without those that are null: they are nobody's
 * role. Drizzle's own function loses each backslash, so that the role `ad\min` would be read as `admin`.
 */
export function parseTextArray(written: string): string[] {
  // Bounds are only there if an array does not begin with its first element.
  const body = written.replace(BOUNDS, '')
  const elements: string[] = []
  for (const [, quoted, bare] of body.matchAll(ELEMENT))
    if (quoted !== undefined) elements.push(quoted.replace(ESCAPE, '$1'))
    else if (bare !== 'NULL') elements.push(bare!)
  return elements
}

const BOUNDS = /^[[\]\d:-]+=/
/** In quotation marks where it is empty, reads NULL, or has a character that means something to the form. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^{},"]+)/gs
const ESCAPE = /\\(.)/gs
