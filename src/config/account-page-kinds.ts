import { readFileSync } from 'node:fs'
import { contrast, readableOn } from '../lib/contrast.js'
import { codeOf } from '../lib/error-facts.js'
import { InvalidValue, type Kind } from './setting.js'

/** The background of the account page in the light theme, on which links have the colour. White text is read on it too. */
export const LIGHT_GROUND = '#f6f7f7'
const LEAST_CONTRAST = 4.5

/** A colour that can be read on the light page, and on which white text can be read. The dark theme has a lighter one. */
export const accentColor: Kind<string> = {
  accepts: 'a colour such as #0f5c5c, dark enough for white text on it',
  parse(text) {
    // Without #, which begins a comment in YAML and in some env files, the digits are accepted too.
    if (!/^#?[0-9a-f]{6}$/i.test(text)) throw new InvalidValue('must be a colour as six hexadecimal digits, as #0f5c5c')
    const color = `#${text.replace('#', '').toLowerCase()}`
    if (contrast(color, LIGHT_GROUND) < LEAST_CONTRAST) {
      const darker = readableOn(LIGHT_GROUND, color, '#000000', LEAST_CONTRAST)
      throw new InvalidValue(
        `must be dark enough for white text on it (contrast ${LEAST_CONTRAST}:1), as ${darker} is; the dark theme gets a lighter colour by itself`,
      )
    }
    return color
  },
}

/** The largest logo, in bytes: every visitor of the page loads it. */
export const LOGO_MAX_BYTES = 32_768

/** The path of a picture. It is read at start, so that a wrong path is reported at once. */
export const logoFile: Kind<string> = {
  accepts: `the path of an SVG or PNG file of at most ${LOGO_MAX_BYTES / 1024} KiB`,
  parse(path) {
    let content: Buffer
    try {
      content = readFileSync(path)
    } catch (error) {
      throw new InvalidValue(`must be ${logoFile.accepts}; the file cannot be read (${codeOf(error)})`)
    }
    if (content.length > LOGO_MAX_BYTES)
      throw new InvalidValue(`must be ${logoFile.accepts}; the file has ${Math.ceil(content.length / 1024)} KiB`)
    if (logoType(content) === undefined)
      throw new InvalidValue(`must be ${logoFile.accepts}; the file is neither of them`)
    return path
  },
}

/** The kind of a picture by its content. */
export function logoType(content: Buffer): 'svg' | 'png' | undefined {
  if (content.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n') return 'png'
  return /^\uFEFF?\s*(<\?xml[^>]*>|<!--[\s\S]*?-->|<!DOCTYPE[^>]*>|\s)*<svg[\s>]/i.test(content.toString('utf8'))
    ? 'svg'
    : undefined
}

/** A link in the footer of the page. */
export interface PageLink {
  readonly label: string
  readonly url: string
}

/** `Help=https://example.com/help`. */
export const pageLink: Kind<PageLink> = {
  accepts: 'label=address, with an https or mailto address, such as Help=https://example.com/help',
  parse(text) {
    const at = text.indexOf('=')
    const [label, url] = [text.slice(0, at).trim(), text.slice(at + 1).trim()]
    if (at < 1 || label === '' || label.length > 40) throw new InvalidValue(`must be ${pageLink.accepts}`)
    if (!URL.canParse(url) || !/^(https:\/\/|mailto:)/.test(url))
      throw new InvalidValue('must have an address that begins with https:// or mailto: after its label and =')
    return { label, url }
  },
}

/** The address of the application: https, http on this machine, or a path at the same origin. */
export const homeAddress: Kind<string> = {
  accepts: 'an https address, or a path that begins with /',
  parse(text) {
    const isPath = /^\/(?![/\\])[^\s\\]*$/.test(text)
    const isAddress = URL.canParse(text) && /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1)(:|\/|$))/.test(text)
    if (!isPath && !isAddress) throw new InvalidValue(`must be ${homeAddress.accepts}`)
    return text
  },
}
