import { type Kind, Mistake } from './kind.js'

const EXAMPLE = 'a path such as /identity'

/** The path before every address of ours as clients see it, without a slash at its end; empty if there is none. */
export const publicPath: Kind<string> = {
  accepts: EXAMPLE,
  parse(text) {
    if (/^[a-z]+:\/\//i.test(text)) throw new Mistake(`must be ${EXAMPLE}: the origin before it is PUBLIC_ORIGIN`)
    if (!text.startsWith('/')) throw new Mistake(`must be ${EXAMPLE}, which begins with a slash`)
    const path = text.replace(/\/$/, '')
    if (`${path}/`.includes('//')) throw new Mistake('must not have two slashes in a row')
    const parts = path.split('/').slice(1)
    if (parts.some(part => part === '.' || part === '..'))
      throw new Mistake('must not have . or .. between its slashes')
    // A gateway, a browser and a cookie would each write anything else in a way of its own.
    if (!/^[\w.~/-]{0,128}$/.test(path)) {
      throw new Mistake(
        'must be at most 128 letters, digits, - . _ and ~ between slashes, without spaces, percent signs or a query',
      )
    }
    if (/^\/auth\/verify(-role)?(\/|$)/.test(path)) {
      throw new Mistake("must not begin with /auth/verify, below which gateways put their clients' paths")
    }
    return path
  },
}
