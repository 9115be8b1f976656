const MAX_LENGTH = 2000

/**
 * Reads the address of a receiver. Whether it can be sent to is only known when it is sent to.
 *
 * @param refuse the error with this message, the end of a sentence that begins with the field
 */
export function readReceiverUrl(text: string, refuse: (message: string) => Error): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw refuse('must be an https URL')
  if (text.length > MAX_LENGTH) throw refuse(`must have at most ${MAX_LENGTH} characters`)
  if (url.username !== '' || url.password !== '') throw refuse('must not contain a password')
  if (url.hash !== '') throw refuse('must be a URL without #')
  return url
}
