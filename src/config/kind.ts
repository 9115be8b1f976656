/** A type of value: how to read it, and how to tell an operator what it takes. */
export interface Kind<T> {
  /** Reads the text of a variable, which is never empty. Throws a {@link Mistake} if it can't be this kind. */
  parse(text: string): T
  /** What is accepted, as the documentation says it: "a duration from 10s to 2h". */
  readonly accepts: string
}

/**
 * What is wrong with a value, and what to write instead: the end of a sentence that begins with the variable's name.
 * It never repeats the value, because the value may be a secret; the caller that reports it decides whether to show it.
 */
export class Mistake extends Error {
  /** Which entry of a list is at fault, counted from 1. */
  readonly entry: number | undefined
  /** That entry's text. */
  readonly text: string | undefined

  constructor(message: string, entry?: number, text?: string) {
    super(message)
    this.name = 'Mistake'
    this.entry = entry
    this.text = text
  }
}

/** Several values of one kind, separated by commas. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    accepts: `a comma-separated list, each ${kind.accepts}`,
    parse: text => text.split(',').map((entry, index) => parseEntry(kind, entry.trim(), index + 1)),
  }
}

function parseEntry<T>(kind: Kind<T>, text: string, entry: number): T {
  if (text === '') throw new Mistake('is empty: remove the extra comma', entry, text)
  try {
    return kind.parse(text)
  } catch (error) {
    if (error instanceof Mistake) throw new Mistake(error.message, entry, text)
    throw error
  }
}
