import type { Test } from 'tap'
import { LETTER_TYPES } from '../../src/domain/letters/letters.js'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import type { LetterType } from '../../src/postgres/security-event-types.js'
import { buildTestApp, type TestApp, type TestAppOptions } from './build-test-app.js'
import { type ReceivedMessage, startWebhookReceiver } from './webhook-receiver.js'

export interface TestLetter extends NonNullable<ReceivedMessage['data']['letter']> {
  type: LetterType
  token: string
}

export type TestAppWithLetters = TestApp & ReceivedLetters

export interface ReceivedLetters {
  /** Every letter that was sent so far, in order. */
  letters(): Promise<TestLetter[]>
  /** Holds letters back, or sends them. */
  hold(isHeld: boolean): Promise<void>
  /** The last letter of this type; fails if there is none. */
  letter(type: LetterType): Promise<TestLetter>
}

/** An instance whose letters go to a webhook that names their types. */
export async function withLetters(
  t: Test,
  overrides: NodeJS.ProcessEnv = {},
  options: TestAppOptions = {},
): Promise<TestAppWithLetters> {
  const service = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback', ...overrides }, options)
  return { ...service, ...(await receiveLetters(t, service)) }
}

/** Sends the letters of an instance to a webhook. It needs DELIVERY_ALLOWED_NETWORKS=loopback. */
export async function receiveLetters(t: Test, service: TestApp): Promise<ReceivedLetters> {
  const { context } = service.app
  const receiver = await startWebhookReceiver(t, { clock: service.clock.now })
  const { secret } = await createWebhook(context, { url: receiver.url, types: LETTER_TYPES }, 'cli')
  receiver.secret = secret

  async function letters(): Promise<TestLetter[]> {
    await context.letterWork.settled()
    await context.dispatcher!.runNow()
    return receiver.accepted.map(({ type, data }) => ({ type, ...data.letter }) as TestLetter)
  }

  return {
    letters,
    async hold(isHeld) {
      const until = isHeld ? 'infinity' : '-infinity'
      await service.database.admin.unsafe(`update event_receivers set paused_until = '${until}'`)
    },
    async letter(type) {
      const last = (await letters()).findLast(letter => letter.type === type)
      if (!last) throw new Error(`there is no ${type}`)
      return last
    },
  }
}
