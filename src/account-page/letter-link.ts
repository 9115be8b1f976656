/** What a link in a letter asks for, besides a new password (reset-link.ts). */
export type LetterLinkKind = 'verify' | 'email' | 'not-me'

export interface LetterLink {
  kind: LetterLinkKind
  token: string
}

const KINDS = ['verify', 'email', 'not-me'] as const

/** The link that led to the page. It is removed from the address, and so from the history. */
export function takeLetterLink(): LetterLink | undefined {
  const parts = new URLSearchParams(location.hash.slice(1))
  const kind = KINDS.find(name => parts.get(name))
  if (!kind) return undefined
  history.replaceState(null, '', location.pathname + location.search)
  return { kind, token: parts.get(kind)! }
}
