import { contrast, readableOn } from '../lib/contrast.js'
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
    if (at < 1 || !/^[^\p{Cc}\p{Cf}]{1,40}$/u.test(label)) throw new InvalidValue(`must be ${pageLink.accepts}`)
    if (!URL.canParse(url) || !/^(https:\/\/|mailto:)/.test(url))
      throw new InvalidValue('must have an address that begins with https:// or mailto: after its label and =')
    if (/^mailto:(?![^\s@?]+@[^\s@?]+)/.test(url))
      throw new InvalidValue('must have an e-mail address after mailto:, such as Contact=mailto:help@example.com')
    return { label, url }
  },
}

/** The address of the application: https, http on this machine, or a path at the same origin. */
export const homeAddress: Kind<string> = {
  accepts: 'an https address, or a path that begins with /',
  parse(text) {
    const isPath = /^\/(?![/\\])[^\s\\]*$/.test(text)
    if (!isPath && !isHomeAddress(text)) throw new InvalidValue(`must be ${homeAddress.accepts}`)
    return text
  },
}

function isHomeAddress(text: string): boolean {
  // The URL parser leaves out line breaks.
  if (/\s/.test(text) || !URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1'].includes(hostname))
}
