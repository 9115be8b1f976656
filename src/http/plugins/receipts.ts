import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { AuthContext } from '../../domain/context.js'
import type { Receipt, UnknownReason, WaitingParty } from '../../revocations/receipts/receipts.js'
import { readWaitPreference } from '../prefer.js'
import { factsOf } from '../request-facts.js'
import type { Static } from '../schemas.js'
import { laggingVerifierView, type pendingReceiptSchema } from '../verifier-views.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The route revokes, for users or for services and administrators. With `Prefer: wait=2`, it answers when every live
     * verifier has applied the revocation.
     */
    revokes?: 'for users' | 'for services'
  }
}

/** The longest wait, in seconds. */
const MAX_WAIT_SECONDS = 20
const MOST_WAITING_PER_USER = 10
const MOST_WAITING_PER_CLIENT = 250
/** How many names the sentence for people has. */
const MOST_NAMES = 5

/**
 * Receipts (docs/receipts.md): a request that revokes and has `Prefer: wait=2` (RFC 7240) is answered when every live
 * verifier has applied the revocation, or when this time is over. It says so in its headers. An answer without a body
 * becomes a 202 with the verifiers that lag; others keep their status.
 */
export const receipts = fp(
  async (app: FastifyInstance, { context }: { context: AuthContext }) => {
    app.addHook('onRoute', route => {
      if (route.config?.revokes) route.onSend = [...[route.onSend ?? []].flat(), awaitReceipt]
    })
    // Otherwise the shutdown would wait for them.
    app.addHook('preClose', () => context.receipts.close())

    async function awaitReceipt(request: FastifyRequest, reply: FastifyReply, payload: unknown) {
      const wanted = readWaitPreference(request.headers.prefer)
      if (wanted === undefined || !isDone(request, reply)) return payload
      const seconds = Math.min(wanted, MAX_WAIT_SECONDS)
      const receipt = await context.receipts.wait(seconds, {
        signal: goneSignal(reply),
        share: shareOf(request),
        party: partyOf(request),
      })
      if (receipt.is !== 'unknown') reply.header('preference-applied', `wait=${seconds}`)
      reply.header('revocation-receipt', receiptHeader(receipt))
      if (receipt.is === 'complete' || reply.statusCode !== 204) return payload
      reply.code(202).header('content-type', 'application/json; charset=utf-8')
      return JSON.stringify(pendingView(receipt, request.routeOptions.config.revokes === 'for services'))
    }
  },
  { name: 'receipts', fastify: '5.x', dependencies: ['authenticate-clients'] },
)

/**
 * Whether what was to be revoked is revoked now. That is also true if a request is repeated, which finds the session or
 * the user no longer.
 */
function isDone({ method }: FastifyRequest, { statusCode }: FastifyReply): boolean {
  return statusCode < 300 || (method === 'DELETE' && statusCode === 404)
}

/** Users share half of the places, so that they cannot take those of administrators and services. */
function shareOf({ routeOptions: { config } }: FastifyRequest): number {
  return config.revokes === 'for users' ? 0.5 : 1
}

/** Administrators have no limit of their own. */
function partyOf(request: FastifyRequest): WaitingParty | undefined {
  const { userId, clientId } = factsOf(request)
  if (request.routeOptions.config.revokes === 'for users')
    return { key: `user ${userId ?? request.ip}`, most: MOST_WAITING_PER_USER }
  return request.actor === '' ? { key: `client ${clientId}`, most: MOST_WAITING_PER_CLIENT } : undefined
}

function goneSignal({ raw: response }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return gone.signal
}

/** A structured field (RFC 9651): `complete`, `pending;verifiers=2` or `unknown;reason=too_many_waiting`. */
function receiptHeader(receipt: Receipt): string {
  if (receipt.is === 'complete') return 'complete'
  return receipt.is === 'pending' ? `pending;verifiers=${receipt.total}` : `unknown;reason=${receipt.reason}`
}

/** @param hasDetails - false for users: which services there are, by their ids, is nothing for them */
function pendingView(
  receipt: Exclude<Receipt, { is: 'complete' }>,
  hasDetails: boolean,
): Static<typeof pendingReceiptSchema> {
  if (receipt.is === 'unknown')
    return { status: 'unknown', reason: receipt.reason, detail: UNKNOWN[receipt.reason], total: 0, verifiers: [] }
  const { total, verifiers } = receipt
  const names = [...new Set(verifiers.map(({ name }) => name))]
  const others = total > verifiers.length || names.length > MOST_NAMES ? ', and others' : ''
  const have = total === 1 ? 'One verifier has' : `${total} verifiers have`
  const detail = `Revoked. ${have} not confirmed it yet: ${names.slice(0, MOST_NAMES).join(', ')}${others}.`
  return {
    status: 'pending',
    reason: 'verifiers_pending',
    detail,
    total,
    verifiers: verifiers.map(laggingVerifierView).map(view => {
      return hasDetails ? view : { name: view.name, state: view.state }
    }),
  }
}

const UNKNOWN: Record<UnknownReason, string> = {
  too_many_waiting: 'Revoked. Too many requests are waiting for verifiers: send the request again in a moment.',
  store_unavailable:
    'Revoked. Postgres does not say which verifiers have confirmed it: send the request again in a moment.',
  database_replaced:
    'Revoked. Postgres was replaced or restarted a moment ago, so verifiers confirm again: send the request again in a few seconds.',
  shutting_down: 'Revoked. This instance is stopping: send the request again.',
}
