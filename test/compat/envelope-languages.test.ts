import t from 'tap'
import { messages } from '../../src/http/compat/envelope/messages/messages.js'
import { languageOf } from '../../src/http/language.js'
import { catalogue } from '../../src/lib/errors.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post } from '../support/people.js'

const PREFIX = '/api/v1/auth'

t.test('the language is the one that Accept-Language prefers, and English otherwise', async t => {
  const cases: [header: string | undefined, language: string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['fr', 'fr'],
    ['ES', 'es'],
    ['fr-CA', 'fr'],
    ['es-419,es;q=0.9', 'es'],
    ['fr-Latn-CH', 'fr'],
    ['fr-CA,en;q=0.9,fr;q=0.1', 'fr'],
    ['de-DE,de;q=0.9,fr;q=0.5,en;q=0.3', 'fr'],
    ['en;q=0.4, es;q=0.8, fr;q=0.6', 'es'],
    ['en;q=0.4,fr;q=0.40,es;q=0.399', 'en'],
    ['*', 'en'],
    ['de, *;q=0.5', 'en'],
    ['*, fr;q=0.5', 'en'],
    ['en;q=0, *', 'fr'],
    ['en;q=0, fr;q=0, *;q=0.1', 'es'],
    ['fr;q=0', 'en'],
    ['de', 'en'],
    ['french', 'en'],
    ['fr;q=abc', 'en'],
    ['fr;q=', 'fr'],
    ['fr;;q=0.5,,;', 'fr'],
    [';q=1', 'en'],
    ['en-US en fr', 'en'],
    ['\u0000é', 'en'],
    ['__proto__', 'en'],
    [`${'de,'.repeat(10_000)}fr`, 'en'],
  ]
  for (const [header, language] of cases)
    t.equal(languageOf({ headers: { 'accept-language': header } }), language, JSON.stringify(header)?.slice(0, 60))
})

t.test('every error code has a sentence in every language, and the languages use the same placeholders', async t => {
  const codes = Object.keys(catalogue).sort()
  const placeholders = (text: string) => [...text.matchAll(/\{\w*\}?/g)].map(String)
  for (const [language, { done, errors, fields }] of Object.entries(messages)) {
    t.strictSame(Object.keys(errors).sort(), codes, language)
    t.strictSame(Object.keys(fields).sort(), Object.keys(messages.en.fields).sort(), language)
    t.strictSame(Object.keys(done).sort(), Object.keys(messages.en.done).sort(), language)
    for (const [code, text] of Object.entries({ ...done, ...errors, ...fields })) {
      t.match(text, /^\p{Lu}.+\.$/u, `${language} ${code}`)
      const english: Record<string, string> = { ...messages.en.done, ...messages.en.errors, ...messages.en.fields }
      t.strictSame(placeholders(text), placeholders(english[code]!), `${language} ${code}`)
      if (language !== 'en') t.not(text, english[code], `${language} ${code} is translated`)
    }
  }
})

t.test('answers are in the language of the caller, and say so', async t => {
  const { app } = await buildTestApp(t, {
    DIALECTS: 'envelope',
    RATE_LIMIT: 'on',
    RATE_LIMIT_PER_ADDRESS: '3',
    CORS_ORIGINS: 'https://app.example.com',
  })
  const send = (path: string, body: object, language: string) =>
    post(app, PREFIX + path, body, { 'accept-language': language, origin: 'https://app.example.com' })
  const ada = { email: 'ada@example.com', password: PASSWORD }

  const created = await send('/register', ada, 'es-MX,en;q=0.5')
  t.match(created.headers, { 'content-language': 'es', vary: /Origin.*Accept-Language/ })
  t.equal(created.json().message, 'Su cuenta se ha creado.')
  const short = await send('/register', { email: 'eve@example.com', password: 'x' }, 'fr-CA')
  const message = 'Le mot de passe doit contenir au moins 8 caractères.'
  t.equal(short.headers['content-language'], 'fr')
  t.match(short.json(), { message, errors: [{ field: 'password', message }] })
  const missing = await send('/register', {}, 'fr')
  t.match(missing.json().errors, [{ message: 'Ce champ est obligatoire.' }, { message: 'Ce champ est obligatoire.' }])
  t.match((await send('/register', ada, 'es')).json().message, /^Demasiados intentos\..* en \d+ segundos?\.$/)
  t.match((await send('/nothing', {}, 'fr')).json().message, 'Cette page n’existe pas.')
})
