import type { AuthContext } from '../context.js'
import { examineRefreshToken } from './examine-refresh-token.js'
import { isLive, type Verdict } from './judge-refresh-token.js'
import { type RefreshToken, readRefreshToken } from './refresh-token.js'

type Needs = Pick<AuthContext, 'config' | 'db' | 'secrets' | 'activity' | 'clock'>

/** Whether this deployment issued a refresh token, even if it is no longer valid. Reads no store. */
export function isOwnRefreshToken({ secrets }: Pick<AuthContext, 'secrets'>, text: string): boolean {
  return readRefreshToken(text, secrets.refreshKeys) !== undefined
}

/**
 * Chooses which of several refresh tokens to use. After a change of the cookies' domain or path, a browser sends an old
 * cookie beside the new one, and using the old token would look like theft. So all are judged first, which changes
 * nothing: a live token is preferred, then the token of the newest session.
 *
 * @returns undefined if there are no tokens
 */
export async function chooseRefreshToken(context: Needs, texts: readonly string[]): Promise<string | undefined> {
  if (texts.length < 2) return texts[0]
  const own = texts.flatMap(text => {
    const token = readRefreshToken(text, context.secrets.refreshKeys)
    return token ? [{ text, token }] : []
  })
  // Session ids sort by time.
  own.sort((a, b) => compare(b.token.sessionId, a.token.sessionId) || b.token.generation - a.token.generation)
  const [newest] = own
  if (!newest || own.length < 2) return newest?.text ?? texts[0]

  let best = { text: newest.text, rank: RANKS.length }
  for (const { text, token } of own.slice(0, MAX_CANDIDATES)) {
    const rank = RANKS.indexOf(await judge(context, token))
    if (rank < best.rank) best = { text, rank }
    if (rank === 0) break
  }
  return best.text
}

/** A browser does not have more by accident, and each one costs a statement. */
const MAX_CANDIDATES = 8

type Standing = 'live' | Exclude<Verdict['is'], 'due' | 'young' | 'replayed'>

/** The best first. Tokens whose use would revoke their session come after those that would not. */
const RANKS: readonly Standing[] = ['live', 'late', 'unknown', 'superseded', 'reused', 'over']

async function judge(context: Needs, token: RefreshToken): Promise<Standing> {
  const verdict = await examineRefreshToken(context, token)
  return isLive(verdict) ? 'live' : verdict.is
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
