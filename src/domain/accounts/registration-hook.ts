import type { Config } from '../../config/config.js'
import { codeOf } from '../../lib/error-facts.js'
import { LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import { isJsonObject } from '../../lib/json-object.js'
import { createFailureLog, type Log } from '../../lib/log.js'
import { type HookFailure, registrationHookAnswers } from '../../lib/measurements.js'
import type { PostAnswer, Poster, PostRequest } from '../../lib/post.js'
import { type Device, describeDevice } from '../sessions/describe-device.js'
import { signatureHeaders } from '../webhooks/signature.js'
import { type Claims, readClaims } from './claims.js'

/** Who registers, and from where. */
export interface Registration {
  email: string
  caller: { ip?: string | undefined; userAgent?: string | undefined }
}

/** A server of the operator that decides about registrations. */
export interface RegistrationHook {
  /**
   * Asks about a registration. It is asked before anything is read from the database: so its answer, and the time that it
   * takes, are the same for an address that has an account and for one that has none.
   *
   * @returns the first claims of the account
   * @throws LatchkeyError registration_refused, registration_hook_unavailable
   */
  ask(registration: Registration): Promise<Claims | null>
}

/** What the server gets, in the form of our webhooks. It never gets the password. */
export interface RegistrationMessage {
  type: 'registration'
  /** When it was asked (RFC 3339). */
  timestamp: string
  data: { email: string; ip: string | null; user_agent: string | null; device: Device | null }
}

export interface RegistrationHookOptions {
  settings: Config['registrationHook']
  poster: Poster
  /** Milliseconds since the epoch. */
  clock: () => number
  log: Log
}

const RETRY_AFTER_SECONDS = 5
const MAX_ANSWER_BYTES = 16 * 1024

/** @returns undefined without REGISTRATION_HOOK_URL */
export function createRegistrationHook(options: RegistrationHookOptions): RegistrationHook | undefined {
  const { settings, poster, clock, log } = options
  const { url, secrets = [], timeoutMs, onFailure } = settings
  if (url === undefined) return undefined
  const failures = createFailureLog(log)

  async function decide(registration: Registration): Promise<Decision> {
    const id = newId()
    const now = clock()
    const body = JSON.stringify(messageOf(registration, now))
    const headers = { 'content-type': 'application/json', 'user-agent': 'Latchkey-Webhooks' }
    const signatures = signatureHeaders(id, now, body, secrets)
    const request = { url: new URL(url!), headers: { ...headers, ...signatures }, body, timeoutMs }
    return decisionIn(await post(poster, { ...request, maxAnswerBytes: MAX_ANSWER_BYTES }))
  }

  return {
    async ask(registration) {
      let decision: Decision
      try {
        decision = await decide(registration)
        failures.succeeded(TASK)
      } catch (error) {
        failures.failed(TASK, error)
        const reason = error instanceof WrongAnswer ? error.reason : 'no_answer'
        registrationHookAnswers.report({ outcome: 'failed', reason })
        if (onFailure === 'allow') return null
        throw new LatchkeyError('registration_hook_unavailable', {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
          cause: error,
        })
      }
      registrationHookAnswers.report({ outcome: decision.isAllowed ? 'allowed' : 'refused', reason: 'decided' })
      if (decision.isAllowed) return decision.claims
      throw new LatchkeyError(
        'registration_refused',
        decision.message === undefined ? {} : { detail: decision.message },
      )
    },
  }
}

const TASK = 'ask REGISTRATION_HOOK_URL'

function messageOf({ email, caller }: Registration, now: number): RegistrationMessage {
  const { ip = null, userAgent = null } = caller
  const device = userAgent === null ? null : describeDevice(userAgent)
  return {
    type: 'registration',
    timestamp: new Date(now).toISOString(),
    data: { email, ip, user_agent: userAgent, device },
  }
}

/** Sends it again if the connection ended: the receiver may have closed one that was kept just when it was used. */
async function post(poster: Poster, request: PostRequest): Promise<PostAnswer> {
  try {
    return await poster.post(request)
  } catch (error) {
    if (codeOf(error) !== 'ECONNRESET') throw error
    return poster.post(request)
  }
}

type Decision = { isAllowed: true; claims: Claims | null } | { isAllowed: false; message: string | undefined }

/** The hook has answered, and not as it must. */
class WrongAnswer extends Error {
  constructor(
    readonly reason: HookFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** @throws WrongAnswer if the answer is none that the hook can give */
function decisionIn({ status, body }: PostAnswer): Decision {
  if (status === 204) return { isAllowed: true, claims: null }
  if (status !== 200) throw new WrongAnswer('status', `the answer was ${status}`)
  const answer = readJson(body.toString('utf8'))
  // First, because nothing else that is wrong in a refusal can make it an approval.
  if (answer.allow === false) return { isAllowed: false, message: readMessage(answer.message) }
  const { allow = true, claims = {}, ...others } = answer
  const [unknown] = Object.keys(others)
  if (allow !== true) throw new WrongAnswer('content', '`allow` in the answer is neither true nor false')
  if (unknown !== undefined)
    throw new WrongAnswer('content', `the answer has the unknown field ${JSON.stringify(unknown.slice(0, 64))}`)
  try {
    return { isAllowed: true, claims: readClaims(claims) }
  } catch (error) {
    throw new WrongAnswer('content', 'the claims in the answer are not valid', { cause: error })
  }
}

function readJson(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Below.
  }
  if (!isJsonObject(value)) throw new WrongAnswer('content', 'the answer is not a JSON object')
  return value
}

const MESSAGE_MAX_LENGTH = 200

/** For the person who registers. */
function readMessage(message: unknown): string | undefined {
  if (typeof message !== 'string') return undefined
  const text = message.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim()
  return text === '' ? undefined : text.slice(0, MESSAGE_MAX_LENGTH)
}
