/**
 * Django puts a name of its own before hashes that the rest of the world knows as they are, and has its own order for
 * scrypt. This gives them in the common form; what is none of them stays as it is.
 *
 * @see django.contrib.auth.hashers
 */
export function withoutDjangoName(hash: string): string {
  const [, known] = /^(?:argon2|bcrypt\$)(\$(?:argon2|2).+)$/.exec(hash) ?? []
  if (known !== undefined) return known
  const [, work, salt = '', blockSize, lanes, digest = ''] =
    /^scrypt\$(\d{1,10})\$([^$]{1,64})\$(\d{1,6})\$(\d{1,6})\$([A-Za-z0-9+/]{86}==)$/.exec(hash) ?? []
  const logN = Math.log2(Number(work))
  if (!Number.isInteger(logN)) return hash
  return `$scrypt$ln=${logN},r=${blockSize},p=${lanes}$${unpadded(Buffer.from(salt).toString('base64'))}$${unpadded(digest)}`
}

function unpadded(base64: string): string {
  return base64.replace(/=+$/, '')
}
