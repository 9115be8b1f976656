import t from 'tap'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { readOneTimeToken, tokenOfLetter, writeOneTimeToken } from '../../src/domain/letters/one-time-token.js'
import { findDeviceId, hasDeviceEntry, issueDeviceCookie } from '../../src/domain/login/device-cookie.js'
import { readRefreshToken, successorOf, writeRefreshToken } from '../../src/domain/tokens/refresh-token.js'
import { isTicketFor, writeTicket } from '../../src/domain/tokens/superseded-ticket.js'

// Tokens that version 0.1.0 made. A change of the code must neither invalidate nor change a token that clients have.

const { refreshKeys, ticketKeys, resetKeys, letterKeys, deviceKeys } = deriveSecrets({
  jwtSecrets: ['the jwt secret of this test file, 32 bytes'],
  refreshSecrets: ['the first refresh secret of this test file', 'the second refresh secret of this test file'],
})
const sessionId = '019ad5a0-0000-7123-8abc-000000000001'
const userId = '019ad5a0-0000-7000-8000-000000000002'
const secret = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
const now = Date.parse('2026-11-28T12:00:00Z')

t.test('the format of refresh tokens, and the derivation of successors, stay the same', async t => {
  const tokens = [
    [
      'lk_rt_AfABmtWgAABxI4q8AAAAAAABAAAABwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fMhjeQLUCurO348H3rj7b8w',
      'lk_rt_AfABmtWgAABxI4q8AAAAAAABAAAACFCuhM4SpgaGyc2DPBQgw5M3m-MqvwgtJnvDDncJpBU0uxIF-EXCAf7fEmBxDiUnWg',
    ],
    [
      'lk_rt_AQYBmtWgAABxI4q8AAAAAAABAAAABwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fPho0uG1mMjJFZlNirrxQew',
      'lk_rt_AQYBmtWgAABxI4q8AAAAAAABAAAACKdWQNOrdia49h2nhYFCoT0k5HZIxvLBmmOCWAaMKrrO9IbwU3p2fQ1IOUXLvapdWw',
    ],
  ]
  for (const [index, key] of refreshKeys.entries()) {
    const [text, successor] = tokens[index]!
    const token = { sessionId, generation: 7, secret, key }
    t.strictSame(readRefreshToken(text!, refreshKeys), token)
    t.equal(writeRefreshToken(token), text)
    t.equal(writeRefreshToken(successorOf(token, key)), successor)
  }
})

t.test('the format of the tickets of superseded refresh tokens stays the same', async t => {
  const tickets = ['AWsKwkAZ7RIAh3fy69hUMlAgzlSa', 'AWsKwkDlUOQu-DvB2Rd6RcO6zgbt']
  const token = { sessionId, generation: 7 }
  for (const [index, key] of ticketKeys.entries()) {
    t.ok(isTicketFor(tickets[index]!, token, { keys: ticketKeys, maxAgeSeconds: 3600, now }))
    t.equal(writeTicket(token, { keys: [key], maxAgeSeconds: 3600, now }), tickets[index])
  }
})

t.test('the format of password-reset tokens stays the same', async t => {
  const tokens = [
    'lk_pr_AQGa1aAAAHAAgAAAAAAAAAIAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH1Pr85AjnfAyOTUmqDx-urQ',
    'lk_pr_AQGa1aAAAHAAgAAAAAAAAAIAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH3_T7tAeSOTq4NISiIf_fkk',
  ]
  for (const [index, key] of resetKeys.entries()) {
    t.strictSame(readOneTimeToken({ resetKeys, letterKeys }, 'password_reset', tokens[index]!), { userId, secret })
    t.equal(writeOneTimeToken({ resetKeys: [key], letterKeys }, 'password_reset', { userId, secret }), tokens[index])
  }
})

t.test('the tokens of letters, and the derivation of their secrets, stay the same', async t => {
  const letterId = '019ad5a0-0000-7000-8000-000000000004'
  const tokens = [
    'lk_nm_AQGa1aAAAHAAgAAAAAAAAALHY6ymGk6hVsDAZn6QcEOI4wPDTD6KVunhr48bs2nSe7vjnfRTzqslsu0OKPvtGic',
    'lk_nm_AQGa1aAAAHAAgAAAAAAAAAK_oGIokYBUfQXoqLlwDWEnOfUQjRn_2fBWxEbR0WFToWd_hVclyowMUetLeB0AldY',
  ]
  for (const [index, key] of letterKeys.entries()) {
    const token = tokenOfLetter(letterId, userId, 'not_me', key)
    t.strictSame(readOneTimeToken({ resetKeys, letterKeys }, 'not_me', tokens[index]!), token)
    t.equal(writeOneTimeToken({ resetKeys, letterKeys: [key] }, 'not_me', token), tokens[index])
  }
})

t.test('the format of device cookies stays the same', async t => {
  const entries = [
    ['AdZrCsJAAaIhNqMacLOmvABjiR161QFgSPGbyVcOh6-E3ZJEpVU', '01a22136-a31a-70b3-a6bc-0063891d7ad5'],
    ['AZxrCsJAAaIhNqMcc2-TjznL3jNF04NR1DFwfZ4JU6f9UTKEsXs', '01a22136-a31c-736f-938f-39cbde3345d3'],
  ]
  const options = { keys: deviceKeys, maxAgeSeconds: 3600, now }
  for (const [cookie, deviceId] of entries) {
    t.ok(hasDeviceEntry(cookie, options))
    t.equal(findDeviceId(cookie, userId, options), deviceId)
  }

  const another = '019ad5a0-0000-7000-8000-000000000003'
  const cookie = entries.map(([entry]) => entry).join('.')
  const context = {
    config: { lockout: { failures: 3, deviceMaxAgeSeconds: 3600 }, rateLimit: { enabled: true } },
    secrets: { deviceKeys },
    clock: () => now,
  } as unknown as Parameters<typeof issueDeviceCookie>[0]
  const granted = issueDeviceCookie(context, { userId: another, transport: 'cookie', deviceCookie: cookie })?.cookie
  t.ok(granted?.endsWith(`.${cookie}`), 'the entries of other accounts are kept as they are')
  t.ok(findDeviceId(granted, another, options))
})
