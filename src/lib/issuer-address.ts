/**
 * Why an address cannot be that of an issuer or of its keys, as the end of a sentence that begins with the address.
 * Undefined if it can. Without TLS anyone on the way could answer with their own keys.
 */
export function addressProblem(address: string): string | undefined {
  if (/\s/.test(address)) return 'must not contain a space'
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return 'must be an https URL'
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) return 'must begin with https://'
  if (url.username !== '' || url.password !== '') return 'must not contain a password'
  if (url.hash !== '') return 'must be a URL without #'
  if (address.length > 1000) return 'must have at most 1000 characters'
  return undefined
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
