/** The token of a link to reset the password. It is removed from the address, and so from the history. */
export function takeResetToken(): string | undefined {
  const [, token] = /^#reset=(.+)$/.exec(location.hash) ?? []
  if (token) history.replaceState(null, '', location.pathname + location.search)
  return token
}

/**
 * Lets the links to the other languages carry the token. It is in such a link only while it is clicked, so that nothing
 * else finds it in the document.
 *
 * @returns a function that ends this
 */
export function keepResetToken(token: string): () => void {
  const ending = new AbortController()
  const onClick = ({ target }: MouseEvent) => {
    const link = (target as Element).closest('a[hreflang]')
    const address = link?.getAttribute('href')
    if (!link || !address) return
    link.setAttribute('href', `${address}#reset=${token}`)
    setTimeout(() => link.setAttribute('href', address))
  }
  document.addEventListener('click', onClick, { signal: ending.signal })
  return () => ending.abort()
}
