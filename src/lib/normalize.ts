/**
 * The forms in which texts are stored and compared. The database contains them, so they must never change.
 *
 * @see Unicode Standard Annex 15
 */

/** NFKC: one form for characters that look and are typed alike, such as a full-width letter and a plain one. */
export function textForm(text: string): string {
  return text.normalize('NFKC')
}

/**
 * The same without regard to case. Lower-casing can create a sequence that NFKC composes, so NFKC runs before and after
 * it. Then a second call changes nothing.
 */
export function foldedForm(text: string): string {
  return textForm(textForm(text).toLowerCase())
}

/** NFC: the same characters, each encoded in one way. For names that another system uses too, which must not change. */
export function composedForm(text: string): string {
  return text.normalize('NFC')
}

/**
 * The form in which passwords are measured, compared and hashed: Unicode NFKC. So the same keys on a Mac and on Windows,
 * and a full-width letter of a Japanese keyboard, give the same password. Nothing is trimmed or truncated.
 *
 * @see NIST SP 800-63B-4, 3.1.1.2: normalisation before hashing, every character counts, no truncation.
 */
export function normalizePassword(password: string): string {
  return textForm(password)
}
