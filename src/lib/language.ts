/** The languages of letters and of the account page. The first one is used if none of them is wanted. */
export const LANGUAGES = ['en', 'fr', 'es'] as const

export type Language = (typeof LANGUAGES)[number]

/** The language with this name; English for every other text. */
export function languageNamed(name: unknown): Language {
  return LANGUAGES.find(language => language === name) ?? 'en'
}
