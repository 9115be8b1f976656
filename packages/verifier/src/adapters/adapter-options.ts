import { aFunction, checkOptions, type OptionRule, oneOf, refuseOption, TRUE_OR_FALSE } from '../check-options.js'
import type { Renew } from '../renew.js'
import type { Verifier } from '../types.js'

const COOKIE_NAME = /^[\w!#$%&'*+.^`|~-]+$/

const COMMON: Readonly<Record<string, OptionRule>> = {
  cookie: {
    accepts: value => typeof value === 'string' && COOKIE_NAME.test(value),
    allowed: 'the name of the access cookie, such as __Host-latchkey-at',
  },
  origins: {
    accepts: value => Array.isArray(value) && value.every(isOrigin),
    allowed: "a list of origins, such as ['https://app.example.com']",
  },
  renew: aFunction(': createRenew(…) of @latchkey/verifier/renew'),
}

/** The options of functions that can admit requests without a token. */
export const OPTIONAL = { optional: TRUE_OR_FALSE }

/** @param other the second value of the option `errors`, besides `answer` */
export function errorsOption(other: 'throw' | 'next') {
  return { errors: oneOf('answer', other) }
}

/** The options of functions that check what a principal must fulfil, too. */
export const REQUIREMENTS = {
  roles: {
    accepts: (value: unknown) =>
      Array.isArray(value) && value.length > 0 && value.every(role => typeof role === 'string' && role !== ''),
    allowed: "a list with one or more roles, such as ['editor', 'admin']",
  },
  maxAgeSeconds: {
    accepts: (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0,
    allowed: 'a whole number of seconds, such as 300',
  },
}

/** As the service calls its refresh cookie if nothing is set. */
const REFRESH_COOKIE = '__Host-latchkey'

/**
 * Checks the arguments of an adapter at the start, not at the first request.
 *
 * @param more the options that only this function has
 * @throws TypeError that names the option and what is allowed
 */
export function checkAdapter(
  caller: string,
  verifier: Verifier,
  options: { readonly cookie?: string; readonly renew?: Renew },
  more: Readonly<Record<string, OptionRule>> = {},
): void {
  if (typeof verifier?.verify !== 'function')
    throw new TypeError(`${caller}: give the verifier that createVerifier has returned.`)
  checkOptions(caller, options, { ...COMMON, ...more })
  const { cookie, renew } = options
  if (renew !== undefined && cookie === undefined)
    refuseOption(caller, 'renew', 'needs the option `cookie`: the name of the access cookie')
  if (cookie !== undefined && cookie === (renew?.refreshCookie ?? REFRESH_COOKIE))
    refuseOption(
      caller,
      'cookie',
      `must be the name of the access cookie: ${cookie}-at. ${cookie} is the refresh cookie`,
    )
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value
}
