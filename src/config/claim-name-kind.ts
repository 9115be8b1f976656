import { isReservedClaim } from '../lib/claim-names.js'
import { InvalidValue, type Kind } from './setting.js'

const ACCEPTS = 'a name such as ext, or a URL such as https://example.com/claims'

/** The name of a claim that no standard defines: a short one, or one that nobody else uses (RFC 7519, 4.2 and 4.3). */
export const claimName: Kind<string> = {
  accepts: ACCEPTS,
  parse(text) {
    if (isReservedClaim(text))
      throw new InvalidValue(`must not be a claim with a meaning of its own: choose ${ACCEPTS}`)
    const isUri = /^(https?:\/\/|urn:)[\x21-\x7e]{1,120}$/.test(text) && URL.canParse(text)
    if (!isUri && !/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/.test(text)) throw new InvalidValue(`must be ${ACCEPTS}`)
    return text
  },
}
