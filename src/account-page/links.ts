/** What a link in a letter asks for. */
const KINDS = ['reset', 'verify', 'email', 'not-me'] as const

/** What the link that led to the page says behind its `#`. */
export interface Link {
  kind: (typeof KINDS)[number]
  token: string
  /** The address that the mail went to, if the link has it: for the password manager of the browser. */
  email: string | undefined
  hash: string
}

/** The link that led to the page. It is removed from the address, and so from the history. */
export function takeLink(): Link | undefined {
  const { hash, pathname, search } = location
  // An address may contain a plus sign, which would be read as a space.
  const parts = new URLSearchParams(hash.slice(1).replaceAll('+', '%2B'))
  const kind = KINDS.find(name => parts.get(name))
  if (!kind) return undefined
  history.replaceState(null, '', pathname + search)
  return { kind, token: parts.get(kind)!, email: parts.get('email') ?? undefined, hash }
}

/**
 * Lets the links to the other languages carry the token. It is in such a link only while it is clicked, so that nothing
 * else finds it in the document.
 *
 * @returns a function that ends this
 */
export function keepLink({ hash }: Link): () => void {
  const ending = new AbortController()
  const onClick = ({ target }: MouseEvent) => {
    const link = (target as Element).closest('a[hreflang]')
    const address = link?.getAttribute('href')
    if (!link || !address) return
    link.setAttribute('href', address + hash)
    setTimeout(() => link.setAttribute('href', address))
  }
  document.addEventListener('click', onClick, { signal: ending.signal })
  return () => ending.abort()
}
