/**
 * The forms in which texts are stored and compared. What is in the database is in one of them, so none may ever change.
 *
 * @see Unicode Standard Annex 15
 */

/** NFKC: one text for what looks alike and is typed alike, such as a full-width letter and a plain one. */
export function textForm(text: string): string {
  return text.normalize('NFKC')
}

/**
 * The same without regard to case. Lower-casing can leave a sequence that NFKC composes, so that runs on both sides;
 * the form is then stable.
 */
export function foldedForm(text: string): string {
  return textForm(textForm(text).toLowerCase())
}

/** NFC: the same characters, each written in one way. For names that are another system's too and stay as they are. */
export function composedForm(text: string): string {
  return text.normalize('NFC')
}

/**
 * The one form in which passwords are counted, compared and hashed: Unicode NFKC, so that the same keys pressed on a
 * Mac and on Windows, or a full-width letter of a Japanese keyboard, give the same password. Nothing is trimmed or cut.
 *
 * @see NIST SP 800-63B-4, 3.1.1.2: normalisation before hashing, every character counts, no truncation.
 */
export function normalizePassword(password: string): string {
  return textForm(password)
}
