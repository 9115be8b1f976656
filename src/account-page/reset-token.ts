/** The token of a link to reset the password. It is removed from the address, and so from the history. */
export function takeResetToken(): string | undefined {
  const [, token] = /^#reset=(.+)$/.exec(location.hash) ?? []
  if (token) history.replaceState(null, '', location.pathname + location.search)
  return token
}
