import { readdirSync } from 'node:fs'
import { codeOf } from '../lib/error-facts.js'
import { InvalidValue, type Kind } from './setting.js'

/** A mail server that takes our mail. */
export interface SmtpServer {
  host: string
  port: number
  /** TLS from the first byte (smtps://); otherwise STARTTLS, if the server has it. */
  isTls: boolean
  /** Whether nothing is sent without TLS. */
  requiresTls: boolean
  user: string | undefined
  password: string | undefined
}

const SMTP_EXAMPLE = 'smtps://user:password@mail.example.com'

export const smtpUrl: Kind<SmtpServer> = {
  accepts: 'an smtps:// or smtp:// address',
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (!url || !/^smtps?:$/.test(url.protocol)) throw new InvalidValue(`must be an address such as ${SMTP_EXAMPLE}`)
    if (url.hostname === '') throw new InvalidValue(`must name a host, as in ${SMTP_EXAMPLE}`)
    if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '')
      throw new InvalidValue('must end after the host and the port')
    if ((url.username === '') !== (url.password === ''))
      throw new InvalidValue('must have both a user and a password, or neither: write their special characters as %XX')
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const isTls = url.protocol === 'smtps:'
    return {
      host,
      port: url.port === '' ? (isTls ? 465 : 587) : Number(url.port),
      isTls,
      // A password must not be sent in the clear, not even if somebody on the way removes STARTTLS from the answer.
      requiresTls: !isTls && url.password !== '' && !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host),
      user: decoded(url.username),
      password: decoded(url.password),
    }
  },
}

function decoded(part: string): string | undefined {
  try {
    return part === '' ? undefined : decodeURIComponent(part)
  } catch {
    throw new InvalidValue('has a % that is not followed by two hexadecimal digits: write % as %25')
  }
}

export interface Mailbox {
  name: string
  address: string
}

const SENDER_EXAMPLE = 'Example <no-reply@example.com>'

export const mailSender: Kind<Mailbox> = {
  accepts: `an address such as ${SENDER_EXAMPLE}`,
  parse(text) {
    const [, name = '', address = ''] = /^(?:([^<>"\p{Cc}]{1,100}?)\s*<([^<>]*)>|)$/u.exec(text) ?? []
    const mailbox = address === '' ? text : address
    if (!/^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(mailbox))
      throw new InvalidValue(`must be ${mailSender.accepts}`)
    return { name: name.trim(), address: mailbox }
  },
}

/** A folder that can be read. */
export const folder: Kind<string> = {
  accepts: 'the path of a folder',
  parse(path) {
    try {
      readdirSync(path)
    } catch (error) {
      throw new InvalidValue(`must be the path of a folder; it cannot be read (${codeOf(error)})`)
    }
    return path
  },
}

/** A page of the operator, for links in letters. */
export const pageAddress: Kind<string> = {
  accepts: 'an https:// or http:// address without a fragment',
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || text.includes('#'))
      throw new InvalidValue('must be an address such as https://example.com/account, without anything after a #')
    return url.href
  },
}
