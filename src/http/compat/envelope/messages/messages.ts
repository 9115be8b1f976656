import { english } from './english.js'
import { french } from './french.js'
import type { Messages } from './sentences.js'
import { spanish } from './spanish.js'

/** The messages by language. Without a preference, the first one is used. */
export const messages = { en: english, fr: french, es: spanish } as const satisfies Record<string, Messages>

export type Language = keyof typeof messages
