import { readFileSync } from 'node:fs'
import { type Kind, list, Mistake } from './kind.js'

/** A whole number within bounds, both included. */
export function integer(least: number, most: number): Kind<number> {
  const accepts = `a whole number from ${least} to ${most}`
  return {
    accepts,
    parse(text) {
      const value = Number(text)
      if (!/^\d+$/.test(text) || value < least || value > most) throw new Mistake(`must be ${accepts}`)
      return value
    },
  }
}

export const onOff: Kind<boolean> = {
  accepts: 'on or off',
  parse(text) {
    if (text === 'on' || text === 'true') return true
    if (text === 'off' || text === 'false') return false
    throw new Mistake('must be on or off (true and false are understood too)')
  },
}

/** One of a few words, spelled exactly. */
export function oneOf<const Word extends string>(...words: Word[]): Kind<Word> {
  const accepts = words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return {
    accepts,
    parse(text) {
      const word = words.find(candidate => candidate === text)
      if (word === undefined) throw new Mistake(`must be ${accepts}`)
      return word
    },
  }
}

/** Some of a few words, or the word `none`. */
export function someOf<const Word extends string>(...words: Word[]): Kind<readonly Word[]> {
  const several = list(oneOf(...words))
  return {
    accepts: `none, or a comma-separated list of ${words.join(' and ')}`,
    parse: text => (text === 'none' ? [] : [...new Set(several.parse(text))]),
  }
}

/** Any text of a certain form; `accepts` describes the form. */
export function text(accepts: string, form: RegExp): Kind<string> {
  return {
    accepts,
    parse(value) {
      if (!form.test(value)) throw new Mistake(`must be ${accepts}`)
      return value
    },
  }
}

/** The path of a PEM file of certificates. It is opened here, so that a wrong path stops the start and not a request. */
export const certificateFile: Kind<string> = {
  accepts: 'the path of a PEM file',
  parse(path) {
    let content: string
    try {
      content = readFileSync(path, 'utf8')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new Mistake(`must be the path of a PEM file, which could not be read (${code})`)
    }
    if (!content.includes('-----BEGIN CERTIFICATE-----')) {
      throw new Mistake('must be the path of a PEM file; the file holds no "-----BEGIN CERTIFICATE-----"')
    }
    return path
  },
}
