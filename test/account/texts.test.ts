import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import * as en from '../../src/account-page/texts/en.js'
import * as es from '../../src/account-page/texts/es.js'
import * as fr from '../../src/account-page/texts/fr.js'
import { catalogue } from '../../src/lib/errors.js'
import { SECURITY_EVENT_TYPES } from '../../src/postgres/security-event-types.js'

/** Events that no user sees: most belong to no account, and one to an account that is gone. */
const NOT_SEEN = /^(client_|signing_key_|webhook_|stream_|users_imported|metadata_changed|user_deleted)/

type Wide<T> = T extends string
  ? string
  : T extends (...args: infer Args) => string
    ? (...args: Args) => string
    : { [K in keyof T]: Wide<T[K]> }

/** The compiler finds a text that is missing: the page is written with the English ones. */
const TRANSLATED: Record<string, Wide<typeof en>> = { fr, es }

t.test('the three languages have the same texts, and none is empty or left in English', async t => {
  const texts = flat(en)
  for (const [language, translated] of Object.entries(TRANSLATED)) {
    const others = flat(translated)
    t.same([...others.keys()], [...texts.keys()], language)
    const same = [...others].filter(([key, text]) => text === texts.get(key)).map(([key]) => key)
    t.same(
      same.filter(key => !['email', 'roles', 'withDetail'].includes(key)),
      [],
      `${language} has a text of its own`,
    )
    t.notOk([...others.values()].includes(''))
  }
})

t.test('every event that a user can see has its sentence', async t => {
  const types = SECURITY_EVENT_TYPES.filter(type => !NOT_SEEN.test(type))
  const shown = new Set(types.map(type => type.replace(/^letter_.*/, 'letter')))
  t.same(Object.keys(en.events).sort(), [...shown].sort())
})

t.test('every error with a text is one of the catalogue', async t => {
  for (const code of Object.keys(en.errors)) t.ok(code in catalogue, code)
})

t.test('in French no line begins with a sign that belongs to the word before it', async t => {
  const texts = [...flat(fr).values()]
  t.same(
    texts.filter(text => / [?!;:]/.test(text)),
    [],
  )
  t.ok(texts.some(text => /\u202f\?/.test(text)) && texts.some(text => /\u00a0:/.test(text)))
})

t.test('every text is used', async t => {
  const folder = new URL('../../src/account-page/', import.meta.url)
  const names = (await readdir(folder, { recursive: true })).filter(
    name => /\.tsx?$/.test(name) && !name.startsWith('texts'),
  )
  const sources = (await Promise.all(names.map(name => readFile(new URL(name, folder), 'utf8')))).join('\n')
  for (const key of Object.keys(en)) if (key !== 'language') t.match(sources, new RegExp(`texts\\.${key}\\b`), key)
})

/** Each text by its path; a function is called with a number. */
function flat(texts: object, path = ''): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === 'object'
        ? [...flat(value, `${path}${key}.`)]
        : [[`${path}${key}`, typeof value === 'function' ? value(2, 3) : value] as const],
    ),
  )
}
