import { InvalidValue, type Kind } from './setting.js'

/** An address that requests are sent to. */
export const httpUrl: Kind<string> = {
  accepts: 'a URL that begins with https:// or http://',
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
      throw new InvalidValue('must be a URL that begins with https:// or http://')
    if (url.username !== '' || url.password !== '') throw new InvalidValue('must not contain a user name or a password')
    return url.href
  },
}

const SECRET = /^whsec_(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const MAX_SECRETS = 2

/** Secrets in the form of Standard Webhooks, which asks for 24 to 64 bytes. */
export const webhookSecrets: Kind<readonly string[]> = {
  accepts: `1 or ${MAX_SECRETS} secrets, separated by a comma, each whsec_ and 24 to 64 bytes in base64`,
  parse(text) {
    const secrets = text.split(',').map(secret => secret.trim())
    if (secrets.length > MAX_SECRETS) throw new InvalidValue(`must contain at most ${MAX_SECRETS} secrets`)
    for (const [index, secret] of secrets.entries()) {
      const bytes = SECRET.test(secret) ? Buffer.from(secret.slice('whsec_'.length), 'base64').length : 0
      if (bytes < 24 || bytes > 64)
        throw new InvalidValue(
          'must be whsec_ and 24 to 64 bytes in base64: create one with "echo whsec_$(openssl rand -base64 32)"',
          index + 1,
        )
    }
    return secrets
  },
}
