// What the entries of the feed and the tokens of the test vectors refer to.

export const ISSUER = 'https://auth.example.com'
export const AUDIENCE = 'https://shop.example.com'
/** The issuer's clock when the tokens are verified, in seconds. */
export const NOW = 1_795_871_100
/** The bound of the realm: sessions that began before are revoked. */
export const REALM = NOW - 4000
/** When most sessions began, after that. */
export const AUTH_TIME = NOW - 3600
/** When most tokens were issued. */
export const ISSUED = NOW - 300
export const EXPIRES = NOW + 600
/** When the entries of the feed can be forgotten. */
export const FORGET = NOW + 7200
/** The instants that tokens are compared with that have no roles_version. */
export const BEFORE = NOW - 1000

/** A UUID that is easy to find again. */
export function id(kind: 'session' | 'user' | 'token', n: number): string {
  const first = { session: '019a0000', user: '019b0000', token: '019c0000' }[kind]
  return `${first}-0000-7000-8000-${String(n).padStart(12, '0')}`
}

export const session = (n: number) => id('session', n)
export const user = (n: number) => id('user', n)
export const token = (n: number) => id('token', n)
