import type { ListedVerifier } from '../postgres/receipts.js'
import type { LaggingVerifier } from '../revocations/receipts/receipt-store.js'
import type { UnknownReason } from '../revocations/receipts/receipts.js'
import { type Static, Type, uuidSchema } from './schemas.js'

const instant = (description: string) => Type.String({ format: 'date-time', description })
const nullableInstant = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description })
const nullableText = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })

const lagging = {
  id: Type.String({ ...uuidSchema, description: 'The id that its process chose.' }),
  name: Type.String({ examples: ['orders'] }),
  client_id: nullableText('Null if the client was removed.'),
  client_name: nullableText('Null if the client was removed.'),
  state: Type.Union(
    [Type.Literal('following'), Type.Literal('starting'), Type.Literal('cut_off'), Type.Literal('stale')],
    {
      description:
        '`following`: connected. `starting`: connected, and has confirmed nothing yet. `cut_off`: not connected, or its ' +
        'instance has not answered for 15 seconds; it can still accept tokens. `stale`: it refuses every token.',
    },
  ),
  connected_at: instant('When it connected last.'),
  disconnected_at: nullableInstant('When its connection ended; null while it is connected.'),
  confirmed_at: nullableInstant('When it last confirmed what it has applied.'),
  live_until: instant('From then on it refuses every token, unless it is connected until then.'),
}

/** A verifier that has not confirmed a revocation. */
export const laggingVerifierSchema = Type.Object(lagging, { title: 'LaggingVerifier' })

const { name, state, ...details } = lagging
/** What a receipt says of a verifier: to users only its name and state. */
const namedVerifierSchema = Type.Object(
  { name, state, ...Type.Partial(Type.Object(details)).properties },
  { title: 'NamedVerifier', description: 'Users are told only the name and the state.' },
)

/** A verifier in the list for administrators. */
export const verifierSchema = Type.Object(
  {
    ...lagging,
    instance: Type.String({ description: 'The instance of Latchkey that sends it the revocations.' }),
    max_staleness_seconds: Type.Integer({ description: 'How long it accepts tokens without news.' }),
    lag_seconds: Type.Unsafe<number | null>({
      type: ['number', 'null'],
      description: 'The age of the oldest revocation that it has not confirmed; 0 if there is none, null if not known.',
    }),
  },
  { title: 'Verifier' },
)

/** The answer to a revoking request if the wait is over and verifiers lag. */
export const pendingReceiptSchema = Type.Object(
  {
    status: Type.Union([Type.Literal('pending'), Type.Literal('unknown')], {
      description: '`pending`: verifiers have not confirmed it. `unknown`: the service could not find out.',
    }),
    reason: Type.Unsafe<'verifiers_pending' | UnknownReason>({
      type: 'string',
      enum: ['verifiers_pending', 'too_many_waiting', 'store_unavailable', 'database_replaced', 'shutting_down'],
      description: 'Why. Only with `verifiers_pending` there are verifiers.',
    }),
    detail: Type.String({ description: 'The same, for people.' }),
    total: Type.Integer({ description: 'How many verifiers have not confirmed it.' }),
    verifiers: Type.Array(namedVerifierSchema, { description: 'Which ones; at most 50.' }),
  },
  {
    title: 'PendingReceipt',
    description: 'The revocation is committed, and this service refuses the tokens. Not every verifier is known to.',
  },
)

export function laggingVerifierView(verifier: LaggingVerifier): Static<typeof laggingVerifierSchema> {
  const { id, name, clientId, clientName, isStarting, isConnected } = verifier
  const { connectedAt, disconnectedAt, confirmedAt, liveUntil } = verifier
  return {
    id,
    name,
    client_id: clientId,
    client_name: clientName,
    state: !isConnected ? 'cut_off' : isStarting ? 'starting' : 'following',
    connected_at: connectedAt.toISOString(),
    disconnected_at: disconnectedAt?.toISOString() ?? null,
    confirmed_at: confirmedAt?.toISOString() ?? null,
    live_until: liveUntil.toISOString(),
  }
}

export function verifierView(verifier: ListedVerifier): Static<typeof verifierSchema> {
  const { instance, maxStalenessSeconds, isLive, lagSeconds } = verifier
  const view = laggingVerifierView(verifier)
  return {
    ...view,
    state: isLive ? view.state : 'stale',
    instance,
    max_staleness_seconds: maxStalenessSeconds,
    lag_seconds: lagSeconds,
  }
}
