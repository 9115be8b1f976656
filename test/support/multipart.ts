/** The boundary that Django's test client uses. */
export const BOUNDARY = 'BoUnDaRyStRiNg'

export function multipartType(boundary = BOUNDARY): string {
  return `multipart/form-data; boundary=${boundary}`
}

/** A part of a form, up to the next boundary. */
export function part(name: string, value: string, header?: string): string {
  const disposition = `Content-Disposition: form-data; name="${name}"`
  return [`--${BOUNDARY}`, disposition, ...(header === undefined ? [] : [header]), '', value, ''].join('\r\n')
}

/** A whole form, as text. */
export function multipart(fields: Record<string, string>): string
/** A whole form, as bytes in another encoding than UTF-8. */
export function multipart(fields: Record<string, string>, encoding: BufferEncoding): Buffer
export function multipart(fields: Record<string, string>, encoding?: BufferEncoding): string | Buffer {
  const parts = Object.entries(fields).map(([name, value]) => part(name, value))
  const text = `${parts.join('')}--${BOUNDARY}--\r\n`
  return encoding === undefined ? text : Buffer.from(text, encoding)
}
