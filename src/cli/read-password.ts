import { isUtf8 } from 'node:buffer'
import { UsageError } from './exit-codes.js'

/** More than any password that is accepted, and a limit on what is read. */
const MAX_BYTES = 4096

/**
 * Reads a password of one line from standard input, for `--password-stdin`.
 *
 * @throws UsageError that says why it cannot be the password that the user will type
 */
export async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError('--password-stdin reads a file or a pipe, because a terminal shows it.')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_BYTES) throw new UsageError('standard input is too long for a password.')
  }
  return passwordIn(Buffer.concat(chunks))
}

function passwordIn(bytes: Buffer): string {
  // Decoded, every invalid byte would be the same character: another password than the one that the user knows.
  if (!isUtf8(bytes))
    throw new UsageError('standard input is not UTF-8; write the password in UTF-8, as browsers send it.')
  // Some editors write a byte order mark at the start, and `echo` and most editors a line end.
  const password = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('standard input has no password.')
  if (/[\r\n]/.test(password)) throw new UsageError('standard input has more than one line; a password is one line.')
  if (password.includes('\0')) throw new UsageError('standard input has a NUL character, which no password can have.')
  if (password.includes('\uFFFD'))
    throw new UsageError(
      'standard input has the character U+FFFD, which replaces a character that another program could not read.',
    )
  return password
}
