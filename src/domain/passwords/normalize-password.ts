import { textForm } from '../text-forms.js'

/**
 * The one form in which passwords are counted, compared and hashed: Unicode NFKC, so that the same keys pressed on a
 * Mac and on Windows, or a full-width letter of a Japanese keyboard, give the same password. Nothing is trimmed or cut.
 *
 * @see NIST SP 800-63B-4, 3.1.1.2: normalisation before hashing, every character counts, no truncation.
 */
export function normalizePassword(password: string): string {
  return textForm(password)
}
