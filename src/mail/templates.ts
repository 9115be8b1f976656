import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LETTER_TYPES } from '../domain/letters/letters.js'
import { LANGUAGES, type Language } from '../lib/language.js'
import type { LetterType } from '../postgres/security-event-types.js'

/** The words that a template can have in double braces. */
export const TEMPLATE_WORDS = ['name', 'to', 'link', 'token', 'expires', 'time', 'device', 'ip', 'deletion'] as const

/** An operator's own text of a letter. */
export interface Template {
  subject: string
  text: string
  html: string | undefined
}

/** Finds the operator's text of a letter in a language; undefined if there is none. */
export type Templates = (type: LetterType, language: Language) => Template | undefined

export const noTemplates: Templates = () => undefined

/**
 * Reads the folder of MAIL_TEMPLATES. A text is in `password_reset.fr.txt`, or in `password_reset.txt` for every language;
 * its first line is `Subject: …`. Its HTML, if any, has the same name with `.html`.
 *
 * @throws Error with a message for the operator, if a file is none of these or cannot be used
 */
export async function readTemplates(folder: string): Promise<Templates> {
  const files = new Map<string, string>()
  for (const name of (await readdir(folder)).filter(name => /\.(txt|html)$/.test(name))) {
    if (!NAME.test(name)) throw new Error(`MAIL_TEMPLATES has ${name}, but no letter has this name: ${names()}`)
    const content = await readFile(join(folder, name), 'utf8')
    const unknown = [...content.matchAll(/\{\{(\w+)\}\}/g)].map(match => match[1]!).find(word => !isWord(word))
    if (unknown !== undefined)
      throw new Error(`MAIL_TEMPLATES has {{${unknown}}} in ${name}: the words are ${TEMPLATE_WORDS.join(', ')}`)
    files.set(name, content.replaceAll('\r\n', '\n'))
  }
  const templates = new Map<string, Template>()
  for (const [name, content] of files) {
    const [, stem, extension] = /^(.*)\.(txt|html)$/.exec(name)!
    if (extension === 'html') {
      if (!files.has(`${stem}.txt`)) throw new Error(`MAIL_TEMPLATES has ${name}, but no ${stem}.txt with its subject`)
      continue
    }
    const [first = '', ...others] = content.split('\n')
    if (!/^Subject: \S/.test(first)) throw new Error(`MAIL_TEMPLATES: the first line of ${name} must be "Subject: …"`)
    templates.set(stem!, {
      subject: first.slice('Subject: '.length),
      text: others.join('\n').replace(/^\n/, ''),
      html: files.get(`${stem}.html`),
    })
  }
  return (type, language) => templates.get(`${stemOf(type)}.${language}`) ?? templates.get(stemOf(type))
}

const stemOf = (type: LetterType) => type.slice('letter_'.length)
const NAME = new RegExp(`^(${LETTER_TYPES.map(stemOf).join('|')})(\\.(${LANGUAGES.join('|')}))?\\.(txt|html)$`)
const names = () => `the names are ${LETTER_TYPES.map(stemOf).join(', ')}`
const isWord = (word: string) => TEMPLATE_WORDS.some(known => known === word)
