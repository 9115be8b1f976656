import t from 'tap'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { isTicketFor, writeTicket } from '../../src/domain/tokens/superseded-ticket.js'
import { newId } from '../../src/lib/ids.js'

const keysOf = (...refreshSecrets: string[]) =>
  deriveSecrets({ jwtSecrets: ['a jwt secret of thirty-two bytes or more'], refreshSecrets }).ticketKeys
const [FIRST, SECOND] = [
  'the first refresh secret of thirty-two bytes',
  'the second refresh secret of thirty-two bytes',
]
const now = Date.parse('2026-11-28T12:00:00Z')
const options = { keys: keysOf(FIRST), maxAgeSeconds: 3600, now }

t.test('a ticket is valid for one generation of one session, until its maximum age', async t => {
  const token = { sessionId: newId(), generation: 3 }
  const ticket = writeTicket(token, options)
  t.ok(isTicketFor(ticket, token, options))
  t.notOk(isTicketFor(ticket, { ...token, generation: 2 }, options))
  t.notOk(isTicketFor(ticket, { ...token, generation: 4 }, options))
  t.notOk(isTicketFor(ticket, { ...token, sessionId: newId() }, options))
  t.ok(isTicketFor(ticket, token, { ...options, now: now + 3_599_000 }))
  t.notOk(isTicketFor(ticket, token, { ...options, now: now + 3_600_000 }))
})

t.test('a ticket cannot be forged or changed', async t => {
  const token = { sessionId: newId(), generation: 3 }
  const ticket = writeTicket(token, options)
  t.notOk(isTicketFor(ticket, token, { ...options, keys: keysOf(SECOND) }), 'with another secret')
  const later = Buffer.from(ticket, 'base64url')
  later.writeUInt32BE(later.readUInt32BE(1) + 60, 1)
  const others = [later.toString('base64url'), `${ticket}A`, ticket.slice(1), '', `${ticket}=`, ticket.slice(0, -1)]
  for (const other of others) t.notOk(isTicketFor(other, token, options), other)
})

t.test('a ticket stays valid after a change of the secret, as refresh tokens do', async t => {
  const token = { sessionId: newId(), generation: 0 }
  t.ok(isTicketFor(writeTicket(token, options), token, { ...options, keys: keysOf(SECOND, FIRST) }))
})

t.test('a ticket does not contain its session id or generation', async t => {
  const token = { sessionId: newId(), generation: 0x01020304 }
  const bytes = Buffer.from(writeTicket(token, options), 'base64url')
  t.notOk(bytes.includes(Buffer.from(token.sessionId.replaceAll('-', ''), 'hex').subarray(0, 6)))
  t.notOk(bytes.includes(Buffer.from([1, 2, 3, 4])))
})
