import { readFileSync, statSync } from 'node:fs'
import { codeOf } from '../lib/error-facts.js'
import { InvalidValue, type Kind } from './setting.js'

/** The largest logo, in bytes: every visitor of the page loads it. */
export const LOGO_MAX_BYTES = 32_768

/** The path of a picture. It is read at start, so that a wrong path or a broken picture is reported at once. */
export const logoFile: Kind<string> = {
  accepts: `the path of an SVG or PNG file of at most ${LOGO_MAX_BYTES / 1024} KiB`,
  parse(path) {
    const refusal = (reason: string) => new InvalidValue(`must be ${logoFile.accepts}; ${reason}`)
    const read = <T>(from: () => T): T => {
      try {
        return from()
      } catch (error) {
        throw refusal(`the file cannot be read (${codeOf(error)})`)
      }
    }
    const about = read(() => statSync(path))
    // To read a pipe would wait until somebody writes into it.
    if (!about.isFile()) throw refusal('this is not a file')
    if (about.size > LOGO_MAX_BYTES) throw refusal(`the file has ${Math.ceil(about.size / 1024)} KiB`)
    const content = read(() => readFileSync(path))
    const type = logoType(content)
    if (type === undefined) throw refusal('the file is neither of them')
    if (type === 'png' && !isWholePng(content)) throw refusal('the PNG is broken or incomplete: export it again')
    if (type === 'svg' && !SVG_NAMESPACE.test(firstTag(content)))
      throw refusal(
        'browsers do not draw an SVG file without xmlns="http://www.w3.org/2000/svg" in its <svg> tag: add it',
      )
    return path
  },
}

const PNG_SIGNATURE = '\x89PNG\r\n\x1a\n'
const SVG_NAMESPACE = /\sxmlns\s*=\s*["']http:\/\/www\.w3\.org\/2000\/svg["']/

/** The kind of a picture by its content. */
export function logoType(content: Buffer): 'svg' | 'png' | undefined {
  if (content.toString('latin1', 0, 8) === PNG_SIGNATURE) return 'png'
  return firstTag(content) === '' ? undefined : 'svg'
}

/**
 * Whether a PNG has a size, pixels that can be unpacked, and its end. A file whose copy was cut off, or which was changed
 * as if it were text, has not.
 */
function isWholePng(content: Buffer): boolean {
  const pixels: Buffer[] = []
  // Each chunk has its length (4 bytes), its type (4), its data, and a checksum (4).
  for (let at = PNG_SIGNATURE.length; at + 12 <= content.length; ) {
    const type = content.toString('latin1', at + 4, at + 8)
    const data = content.subarray(at + 8, at + 8 + content.readUInt32BE(at))
    const isFirst = at === PNG_SIGNATURE.length
    if (isFirst && !(type === 'IHDR' && data.length === 13 && data.readUInt32BE(0) > 0 && data.readUInt32BE(4) > 0))
      return false
    if (type === 'IDAT') pixels.push(data)
    if (type === 'IEND') return canInflate(Buffer.concat(pixels))
    at += 12 + data.length
  }
  return false
}

function canInflate(data: Buffer): boolean {
  try {
    // Loaded only for a logo: the edge reads its settings with the same code, and would keep it in memory.
    return process.getBuiltinModule('node:zlib').inflateSync(data).length > 0
  } catch {
    return false
  }
}

/** The first tag of an SVG file, in which its namespace is; empty if the file is none. */
function firstTag(content: Buffer): string {
  return /^<svg(?=[\s>/])(?:[^>"']|"[^"]*"|'[^']*')*>/.exec(withoutProlog(content.toString('utf8')))?.[0] ?? ''
}

/** What may stand before the first element of an XML file: how it begins, and how it ends. */
const PROLOG = [
  ['<?', '?>'],
  ['<!--', '-->'],
  ['<!', '>'],
] as const

/** The file from its first element on. Each part is passed once, so that no file takes long. */
function withoutProlog(text: string): string {
  let rest = text.replace(/^\uFEFF/, '').trimStart()
  for (;;) {
    const part = PROLOG.find(([begin]) => rest.startsWith(begin))
    if (!part) return rest
    const end = rest.indexOf(part[1], part[0].length)
    if (end < 0) return ''
    rest = rest.slice(end + part[1].length).trimStart()
  }
}
