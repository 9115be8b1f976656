import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { LANGUAGES, type Language } from '../lib/language.js'

/**
 * The language of the answers to a request, by its Accept-Language (RFC 9110, 12.5.4). A tag also stands for its language
 * without a region (RFC 4647, 3.4): `fr-CA` is French. English if the header is missing, cannot be read, or names only
 * other languages.
 */
export function languageOf({ headers }: Pick<FastifyRequest, 'headers'>): Language {
  const negotiator = new Negotiator({
    headers: { 'accept-language': headers['accept-language']?.slice(0, MAX_LENGTH) },
  })
  for (const tag of negotiator.languages()) {
    if (tag === '*') break
    const language = LANGUAGES.find(language => language === tag.split('-', 1)[0]!.toLowerCase())
    if (language !== undefined) return language
  }
  // `*` stands for every language that the header does not name.
  return (negotiator.languages([...LANGUAGES])[0] as Language | undefined) ?? LANGUAGES[0]
}

/** Far more than browsers send; the rest of a longer header is ignored. */
const MAX_LENGTH = 1000
