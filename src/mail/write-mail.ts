import type { Letter } from '../domain/letters/letters.js'
import { describeDevice } from '../domain/sessions/describe-device.js'
import type { Language } from '../lib/language.js'
import type { TEMPLATE_WORDS, Templates } from './templates.js'
import { en } from './texts/en.js'
import { es } from './texts/es.js'
import { fr } from './texts/fr.js'
import type { MailTexts } from './texts/mail-texts.js'

export interface Mail {
  subject: string
  text: string
  /** Undefined if the operator's template has only a text. */
  html: string | undefined
}

const TEXTS: Readonly<Record<Language, MailTexts>> = { en, fr, es }

type Words = Record<(typeof TEMPLATE_WORDS)[number], string>

/**
 * Writes a letter as a mail, in its language: with the template of the operator, or else with our own texts.
 *
 * @param appName the name of the application
 */
export function writeMail(letter: Letter, appName: string, templates: Templates): Mail {
  const words = wordsOf(letter, appName)
  const template = templates(letter.type, letter.language)
  if (template) {
    const { subject, text, html } = template
    return { subject: oneLine(fill(subject, words)), text: fill(text, words), html: html && fill(html, words, asHtml) }
  }
  const { letters, colon } = TEXTS[letter.language]
  const { subject, before, action, after } = letters[letter.type]
  const { link } = words
  const filled = (paragraphs: readonly string[]) => paragraphs.map(paragraph => fill(paragraph, words))
  const text = [...filled(before), `${action}${colon}\n${link}`, ...filled(after)].join('\n\n')
  return { subject: oneLine(`${fill(subject, words)} – ${appName}`), text: `${text}\n`, html: documentOf() }

  function documentOf(): string {
    const paragraphs = (of: readonly string[]) =>
      of.map(paragraph => `<p>${fill(asHtml(paragraph), words, asHtml)}</p>`).join('\n')
    return `<!doctype html>
<html lang="${letter.language}">
<head><meta charset="utf-8"><title>${asHtml(subject)}</title></head>
<body style="font: 16px/1.5 sans-serif; max-width: 36em; margin: 2em auto; padding: 0 1em">
<h1 style="font-size: 1.25em">${asHtml(subject)}</h1>
${paragraphs(before)}
<p><a href="${asHtml(link)}" style="font-weight: bold">${asHtml(action)}</a></p>
<p style="font-size: 0.8em; word-break: break-all">${asHtml(link)}</p>
${paragraphs(after)}
</body>
</html>
`
  }
}

function wordsOf({ to, link, token, expiresAt, deleteAt, at, ip, userAgent, language }: Letter, name: string): Words {
  const { unknown } = TEXTS[language]
  const instant = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  const written = (date: Date | null) => (date === null ? unknown : `${instant.format(date)} UTC`)
  return {
    ...{ name, to, link, ip: ip ?? unknown, token: token ?? '' },
    ...{ time: written(at), expires: written(expiresAt), deletion: written(deleteAt) },
    device: userAgent === null ? unknown : deviceName(userAgent, language),
  }
}

/**
 * The device, by the header User-Agent. Whoever asks for a letter chooses this header, and must not write to its reader: so
 * a name with signs of sentences or links is not shown.
 */
function deviceName(userAgent: string, language: Language): string {
  const { unknown, device } = TEXTS[language]
  const { browser, os } = describeDevice(userAgent)
  const shown = [browser, os].filter(part => part !== null && /^[\p{L}\p{N}]+( [\p{L}\p{N}]+){0,2}$/u.test(part))
  const [first, second] = shown.map(part => part!.slice(0, 30))
  if (first === undefined) return unknown
  return second === undefined ? first : device(first, second)
}

/** Puts the words in the place of their names. Their own text is never read as a template. */
function fill(template: string, words: Words, form: (text: string) => string = text => text): string {
  return template.replace(/\{\{(\w+)\}\}/g, (whole, word: string) =>
    Object.hasOwn(words, word) ? form(words[word as keyof Words]) : whole,
  )
}

function asHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** A subject is a header, which ends at the end of the line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim()
}
