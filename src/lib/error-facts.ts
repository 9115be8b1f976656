// Facts about an unknown error: anything can be thrown, and each library adds its own fields.

/** The message of an error. For another thrown value, its text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The code of an error: of the operating system (`ENOENT`), of a driver, or an SQLSTATE. Empty if it has none. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

/** The codes of the operating system that mean that a server cannot be reached now. */
export const NETWORK_ERROR_CODES: readonly string[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
]

/** Whether Node gives this code to an error of TLS, such as a certificate that is not trusted. */
export function isTlsError(code: string): boolean {
  return /^ERR_(TLS|SSL)_|CERT|SELF_SIGNED|_SIGNATURE$/.test(code)
}
