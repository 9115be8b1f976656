import type postgres from 'postgres'
import type { Contender, HttpMeasure, Operation } from '../contender.js'
import type { LoadGenerator } from '../load/drive.js'
import { eachOnce, headOf, repeated, request } from '../load/scenario.js'
import { type Bench, measureOnce } from '../measure/once.js'
import type { Sample } from '../measure/sample.js'
import { PASSWORD, USER_AGENT } from '../service/seed.js'
import type { Service } from '../service/start.js'
import type { LoadUser } from './load-sessions.js'
import { type Counters, difference, readCounters } from './statistics.js'

const AGENT = `User-Agent: ${USER_AGENT}`
const JSON_HEADERS = ['Content-Type: application/json', AGENT]

/** Enough for the mean of the bytes that an operation writes. */
const SOME = 500

/** So many users list their sessions: those of the smallest tables, and fewer tokens than the service keeps as verified. */
const LISTING = 4500

/** The operations of the users of the load. A session of each is refreshed and lists the sessions; the other one is revoked. */
export interface Operations {
  refresh: HttpMeasure
  list: HttpMeasure
  revoke: HttpMeasure
  login: HttpMeasure
  /** Refreshes each session once, and returns their number. */
  refreshEachOnce(): Promise<number>
  /** Signs some users in, each time the same; returns their number. */
  signSomeIn(): Promise<number>
  /** Revokes some sessions, and returns their number. */
  revokeSome(): Promise<number>
}

/** @param revocations - for how many seconds sessions are revoked, so that some are left for each measurement */
export async function prepareOperations(
  generator: LoadGenerator,
  port: number,
  users: readonly LoadUser[],
  revocations: { seconds: number },
): Promise<Operations> {
  const refreshing = (token: string, more: object = {}) =>
    request('POST', '/auth/refresh', JSON_HEADERS, JSON.stringify({ refresh_token: token, ...more }))
  const bearer = (token: string) => [`Authorization: Bearer ${token}`, AGENT]
  let refreshTokens = users.map(user => user.refreshToken)
  const peeks = refreshTokens.map(token => refreshing(token, { rotate: false }))
  const accessTokens = await generator.collect(port, peeks, 'access_token')
  const toRevoke = users.map(({ otherSessionId }, at) =>
    request('DELETE', `/auth/sessions/${otherSessionId}`, bearer(accessTokens[at]!)),
  )
  const signIn = (email: string) =>
    request('POST', '/auth/login', JSON_HEADERS, JSON.stringify({ email, password: PASSWORD, transport: 'body' }))
  return {
    refresh: {
      scenario: () => ({
        kind: 'chains',
        tokens: refreshTokens,
        head: headOf('POST', '/auth/refresh', JSON_HEADERS),
        body: ['{"refresh_token":"', '"}'],
        field: 'refresh_token',
      }),
      onTokens: next => {
        refreshTokens = next
      },
    },
    list: {
      scenario: () =>
        repeated(accessTokens.slice(0, LISTING).map(token => request('GET', '/auth/sessions', bearer(token)))),
    },
    login: { scenario: () => repeated(users.map(({ email }) => signIn(email))) },
    revoke: {
      // Of the sessions that are left, two thirds for the measurement at full load.
      atMost: Math.floor(((toRevoke.length - SOME) * 2) / 3 / revocations.seconds),
      scenario: count => eachOnce(toRevoke.splice(0, count)),
    },
    async refreshEachOnce() {
      const requests = refreshTokens.map(token => refreshing(token))
      refreshTokens = await generator.collect(port, requests, 'refresh_token')
      return requests.length
    },
    async signSomeIn() {
      await generator.sendOnce(
        port,
        users.slice(0, SOME).map(({ email }) => signIn(email)),
      )
      return SOME
    },
    async revokeSome() {
      await generator.sendOnce(port, toRevoke.splice(0, SOME))
      return SOME
    },
  }
}

/** A measurement, and which part of the pages that it needed was not in the buffers of Postgres. */
export interface MeasuredOperation extends Sample {
  operation: Operation
  counted: Counters
  heapMisses: number
  indexMisses: number
}

export async function measureOperation(
  bench: Bench,
  service: Service,
  sql: postgres.Sql,
  operation: Operation,
  measure: HttpMeasure,
): Promise<MeasuredOperation> {
  const contender: Contender = { ...service, name: 'Latchkey', kind: 'latchkey', measures: [] }
  const before = await readCounters(sql, 'most')
  const sample = await measureOnce(bench, contender, { operation, name: operation, measure })
  const counted = difference(before, await readCounters(sql, 'most'))
  const { heapReads, heapHits, indexReads, indexHits } = counted
  return {
    ...sample,
    operation,
    counted,
    heapMisses: heapReads / (heapReads + heapHits),
    indexMisses: indexReads / (indexReads + indexHits),
  }
}
