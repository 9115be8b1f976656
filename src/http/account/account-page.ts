import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import {
  LANGUAGES,
  type Language,
  OFFERED_LETTERS,
  type OfferedLetter,
  type PageSettings,
  writeDocument,
} from './document.js'
import { type File, fileOf, filesOf } from './files.js'

export interface AccountPageOptions extends PageSettings {
  /** Whether letters of this type are sent anywhere. */
  isSent(type: OfferedLetter): Promise<boolean>
}

/**
 * GET /account: a page on which users sign in, see their sessions and change their password. It is a client of this
 * service like any other: src/account-page/ is its source. Its script and its styles have a hash in their names, so that
 * browsers keep them.
 */
export async function accountPageRoutes(app: FastifyInstance, settings: AccountPageOptions): Promise<void> {
  const files = filesOf(settings)
  const documents = new Map<string, Promise<File>>()

  async function documentIn(language: Language): Promise<File> {
    const letters = await sentLetters(settings)
    const key = [language, ...letters].join()
    const known = documents.get(key)
    if (known) return known
    const written = files().then(names =>
      fileOf('html', Buffer.from(writeDocument(language, settings, letters, names))),
    )
    documents.set(key, written)
    // A page that could not be read is tried again.
    written.catch(() => documents.delete(key))
    return written
  }

  app.get<{ Querystring: { lang?: unknown } }>('/account', { schema: { hide: true } }, async (request, reply) => {
    const file = await documentIn(languageOf(request))
    reply.headers({ ...PAGE_HEADERS, 'cache-control': 'no-cache' })
    addVary(reply, 'Accept-Language')
    return send(request, reply, file)
  })

  app.get<{ Params: { name: string } }>('/account/:name', { schema: { hide: true } }, async (request, reply) => {
    const { name } = request.params
    const found = (await files()).find(name)
    if (!found) return reply.callNotFound()
    // While a new version replaces an old one, the page may come from one instance and its script from another.
    const isSame = found.name === name
    reply.header('cache-control', isSame ? 'public, max-age=31536000, immutable' : 'no-store')
    if (found.file.type === 'svg') reply.header('content-security-policy', PICTURE_POLICY)
    return send(request, reply, found.file)
  })
}

/** The letters that go to the mail server or to a webhook that names their type. Without the database: none. */
async function sentLetters({ isSent }: AccountPageOptions): Promise<OfferedLetter[]> {
  const areSent = await Promise.all(OFFERED_LETTERS.map(type => isSent(type).catch(() => false)))
  return OFFERED_LETTERS.filter((_, i) => areSent[i])
}

/** The page loads and connects to nothing but this service, and no text becomes markup or script. */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'x-frame-options': 'DENY',
}

/** A picture that is opened by its own address is a document, and could otherwise run scripts. */
const PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/** The language that the link asks for, or else the browser's. */
function languageOf({ query, headers }: FastifyRequest<{ Querystring: { lang?: unknown } }>): Language {
  const asked = LANGUAGES.find(language => language === query.lang)
  if (asked) return asked
  const negotiator = new Negotiator({ headers: { 'accept-language': headers['accept-language'] } })
  return (negotiator.languages([...LANGUAGES])[0] as Language | undefined) ?? 'en'
}

/** Compressed, if the browser can read that. */
async function send(request: FastifyRequest, reply: FastifyReply, file: File): Promise<Buffer> {
  reply.type(file.mediaType)
  if (file.type === 'png') return file.content
  addVary(reply, 'Accept-Encoding')
  const negotiator = new Negotiator({ headers: { 'accept-encoding': request.headers['accept-encoding'] } })
  const readable = negotiator.encodings(['br', 'gzip'])
  if (readable.length === 0) return file.content
  const encoding = readable.includes('br') ? 'br' : 'gzip'
  reply.header('content-encoding', encoding)
  return file.compressed(encoding)
}

function addVary(reply: FastifyReply, name: string): void {
  reply.header('vary', [reply.getHeader('vary') ?? [], name].flat().join(', '))
}
