import type { FastifyReply } from 'fastify'
import type { Language } from '../../../lib/language.js'

/** Names the language of an answer, and tells caches that it depends on the header. */
export function setLanguageHeaders(reply: FastifyReply, language: Language): void {
  const vary = [reply.getHeader('vary') ?? []].flat().join(', ')
  reply.header('content-language', language)
  if (!/(^|,)\s*accept-language\s*(,|$)/i.test(vary))
    reply.header('vary', vary === '' ? 'Accept-Language' : `${vary}, Accept-Language`)
}
