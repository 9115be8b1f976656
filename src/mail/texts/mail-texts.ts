import type { LetterType } from '../../postgres/security-event-types.js'

/**
 * The texts of the letters in one language. They have these words in double braces: `name` (of the application), `to`,
 * `device`, `ip`, `time`, `expires` and `deletion`.
 */
export interface MailTexts {
  letters: Record<LetterType, LetterText>
  unknown: string
  /** What stands between a text and the link that it announces. */
  colon: string
  device: (browser: string, os: string) => string
}

export interface LetterText {
  subject: string
  /** The paragraphs before the link. */
  before: readonly string[]
  /** What the link does. */
  action: string
  after: readonly string[]
}
