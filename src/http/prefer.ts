/**
 * Reads how long a client wants to wait, in seconds, from `Prefer: wait=2` (RFC 7240, 4.3). Undefined without this
 * preference, and if it has no valid value: a preference that is malformed is ignored.
 *
 * @param header - Node joins the values of several headers with commas
 */
export function readWaitPreference(header: string | string[] | undefined): number | undefined {
  for (const preference of splitOutsideQuotes([header].flat().join(), ',')) {
    // Its parameters say nothing.
    const [named = ''] = splitOutsideQuotes(preference, ';')
    const equals = named.indexOf('=')
    const name = (equals === -1 ? named : named.slice(0, equals)).trim().toLowerCase()
    if (name !== 'wait') continue
    const [, plain, quoted] =
      /^(?:(\d{1,9})|"(\d{1,9})")$/.exec(equals === -1 ? '' : named.slice(equals + 1).trim()) ?? []
    const seconds = plain ?? quoted
    // Of several, the first counts.
    return seconds === undefined ? undefined : Number(seconds)
  }
  return undefined
}

/** Splits a text at a character, except within quoted strings (RFC 9110, 5.6.4). */
function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = []
  let start = 0
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    if (isQuoted && text[i] === '\\') i++
    else if (text[i] === '"') isQuoted = !isQuoted
    else if (text[i] === separator && !isQuoted) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, text.slice(start)]
}
