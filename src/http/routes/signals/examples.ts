import { SESSION_REVOKED } from '../../../domain/signals/signal-types.js'

const stream_id = '01920000-0000-7000-8000-000000000000'
const push = { method: 'urn:ietf:rfc:8935', endpoint_url: 'https://shop.example.com/signals' }

/** Bodies that the page at /docs offers. */
export const examples = {
  createStream: {
    poll: { summary: 'Sessions that end, to be polled', value: { events_requested: [SESSION_REVOKED] } },
    push: {
      summary: 'Everything, pushed to an address',
      value: { delivery: { ...push, authorization_header: 'Bearer 4a2f97c1' }, description: 'The shop' },
    },
  },
  changeStream: { description: { summary: 'Another description', value: { stream_id, description: 'The old shop' } } },
  replaceStream: { push: { summary: 'Everything, pushed', value: { stream_id, delivery: push } } },
  setStatus: {
    paused: { summary: 'A pause', value: { stream_id, status: 'paused', reason: 'maintenance' } },
  },
  verification: { state: { summary: 'With a state', value: { stream_id, state: 'b2xkIGJyYXNz' } } },
  poll: {
    first: { summary: 'At once', value: { returnImmediately: true } },
    next: { summary: 'Acknowledge the events of the poll before', value: { ack: [`${stream_id}.session-revoked`] } },
  },
}
