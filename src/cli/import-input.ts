import { isUtf8 } from 'node:buffer'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { ImportError } from '../domain/import/import-error.js'
import type { Line } from '../domain/import/import-users.js'
import { type RoleMapping, readRoleMapping } from '../domain/import/role-mapping.js'
import { codeOf, messageOf } from '../lib/error-facts.js'

/**
 * Opens the file of an import, or standard input for `-`.
 *
 * @throws ImportError if it cannot be read
 */
export async function openImport(path: string): Promise<AsyncIterable<Buffer>> {
  if (path === '-') return process.stdin
  let file: FileHandle
  try {
    file = await open(path)
  } catch (error) {
    throw new ImportError(`The file ${path} cannot be read (${codeOf(error)}).`)
  }
  if ((await file.stat()).isDirectory()) {
    await file.close()
    throw new ImportError(`${path} is a folder: give a file with one JSON object a line.`)
  }
  return file.createReadStream()
}

/** More than any account needs. A file without line ends must not fill the memory. */
const LINE_MAX_BYTES = 65_536
const LINE_FEED = 10

/** Reads the lines of a stream, one at a time. A line that is too long or not UTF-8 is returned as a fault. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 1
  let begun: Buffer[] = []
  let begunBytes = 0

  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const rest = chunk.subarray(start, end)
      yield toLine(number++, begunBytes + rest.length, begun.length === 0 ? rest : Buffer.concat([...begun, rest]))
      begun = []
      begunBytes = 0
      start = end + 1
    }
    const rest = chunk.subarray(start)
    begunBytes += rest.length
    // Bytes beyond the limit are counted, not kept.
    if (rest.length > 0 && begunBytes <= LINE_MAX_BYTES) begun.push(rest)
  }
  if (begunBytes > 0) yield toLine(number, begunBytes, Buffer.concat(begun))
}

function toLine(number: number, length: number, bytes: Buffer): Line {
  if (length > LINE_MAX_BYTES)
    return { number, text: new ImportError(`The line has more than ${LINE_MAX_BYTES} bytes.`) }
  if (!isUtf8(bytes)) return { number, text: new ImportError('The line is not UTF-8.') }
  const text = bytes.toString('utf8')
  // Some editors write a byte order mark at the start of a file.
  return { number, text: number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text }
}

/** Enough for about ten thousand roles. */
const MAX_BYTES = 1_048_576

/**
 * Reads a role mapping from a file.
 *
 * @throws ImportError that names the file and its error
 */
export async function openRoleMapping(path: string): Promise<RoleMapping> {
  const fault = (what: string) => new ImportError(`The role mapping ${path} cannot be used: ${what}`)
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw fault(`it cannot be read (${codeOf(error)}).`)
  }
  if (bytes.length > MAX_BYTES) throw fault(`it has more than ${MAX_BYTES} bytes.`)
  if (!isUtf8(bytes)) throw fault('it is not UTF-8.')
  try {
    // Some editors write a byte order mark at the start of a file.
    return readRoleMapping(bytes.toString('utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    throw fault(messageOf(error))
  }
}
