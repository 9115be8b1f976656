import fc from 'fast-check'
import * as client from './client-steps.js'
import * as ending from './ending-steps.js'
import { type History, pickSession, present } from './history.js'
import { checkWhitelist } from './invariants.js'
import type { Model } from './model.js'
import { race } from './races.js'
import type { Service } from './service.js'

type Step = fc.AsyncCommand<Model, Service>

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const choice = { which: fc.nat(59), instance: fc.nat(1) }
const target = fc.nat(59)
const rarely = fc.nat(4).map(number => number === 4)

/** Every step, with its weight in a random history. */
export function anyStep(): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 2, arbitrary: step('register', client.registerAnother, choice) },
    { weight: 1, arbitrary: step('logIn', client.logIn, { ...choice, right: rarely.map(wrong => !wrong) }) },
    { weight: 5, arbitrary: step('addDevice', client.addDevice, choice) },
    { weight: 20, arbitrary: step('refresh', client.refresh, { ...choice, byThief: fc.boolean(), lost: rarely }) },
    { weight: 10, arbitrary: step('ask', client.askWithoutRotating, asking) },
    { weight: 3, arbitrary: step('steal', client.steal, choice) },
    { weight: 9, arbitrary: step('replay', client.replay, { ...choice, back: fc.constantFrom(1, 1, 1, 2) }) },
    { weight: 3, arbitrary: step('burst', client.burst, { ...choice, back: fc.constantFrom(0, 0, 1) }) },
    { weight: 12, arbitrary: step('use', client.useToken, { ...choice, age: fc.constantFrom(0, 0, 1, 5) }) },
    { weight: 2, arbitrary: step('list', client.list, choice) },
    {
      weight: 3,
      arbitrary: step('logOut', ending.logOut, { ...choice, scope, by: credential }),
    },
    { weight: 3, arbitrary: step('revoke', ending.revoke, { ...choice, target }) },
    { weight: 1, arbitrary: step('revokeOthers', ending.revokeOthers, choice) },
    { weight: 1, arbitrary: step('logOutUnannounced', ending.logOutUnannounced, { ...choice, target }) },
    { weight: 1, arbitrary: step('changePassword', ending.changePassword, choice) },
    { weight: 1, arbitrary: step('disable', ending.disable, choice) },
    { weight: 3, arbitrary: step('enable', ending.enable, choice) },
    { weight: 2, arbitrary: step('changeRoles', ending.changeRoles, choice) },
    { weight: 1, arbitrary: step('signOutEveryone', ending.signOutAll, choice) },
    { weight: 1, arbitrary: step('race', race, { ...choice, ending: raceEnding, withLogin: rarely }) },
    { weight: 16, arbitrary: step('pass', passTime, { seconds }) },
    { weight: 1, arbitrary: step('keepOneAlive', keepOneAlive, choice) },
    { weight: 2, arbitrary: step('refreshTwice', refreshTwice, { ...choice, times: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 1, arbitrary: step('loseRedis', loseRedis, {}) },
    { weight: 1, arbitrary: step('restart', restart, choice) },
  )
}

const asking = {
  ...choice,
  byThief: fc.boolean(),
  back: fc.constantFrom(0, 0, 0, 1, 2),
  times: fc.integer({ min: 1, max: 3 }),
}
const scope = fc.constantFrom<ending.Scope>('session', 'session', 'others', 'all')
const credential = fc.constantFrom<'access' | number>('access', 'access', 0, 1, 2)
const raceEnding = fc.constantFrom('logout', 'logout_all', 'user_disabled', 'password_changed')
const short = fc.constantFrom(3, 15, 35, 35, 70, 70, 200, 700)
const long = fc.constantFrom(20 * MINUTE, 3 * HOUR, 13 * HOUR, 25 * HOUR, 5 * DAY, 8 * DAY, 26 * DAY)
const seconds = fc.oneof({ weight: 6, arbitrary: short }, { weight: 1, arbitrary: long })

async function passTime({ service }: History, { seconds }: { seconds: number }): Promise<void> {
  await service.advance(seconds)
}

/** Eight days in which one device is used, and the sessions of the others expire. */
async function keepOneAlive(history: History, choice: client.Choice): Promise<void> {
  const { model, service } = history
  const session = pickSession(history, choice.which)
  for (const days of [4, 4]) {
    await service.advance(days * DAY)
    await service.passTurningPoints(model.turningPoints())
    const generation = await present(history, session, session.held.client, choice.instance)
    session.held.client = generation ?? session.held.client
  }
}

/** A phone on a bad network, or a thief who repeats each refresh: tokens are presented twice, the second time late. */
async function refreshTwice(history: History, { which, instance, times }: client.Choice & { times: number }) {
  const { model, service } = history
  const session = pickSession(history, which)
  for (let time = 0; time < times; time++) {
    const { generation } = session
    for (const seconds of [35, 15]) {
      await service.advance(seconds)
      await service.passTurningPoints(model.turningPoints())
      await present(history, session, generation, instance)
    }
  }
}

async function loseRedis({ model, service }: History): Promise<void> {
  await service.loseRedis()
  for (const session of model.sessions) session.seen.clear()
}

async function restart({ service }: History, { instance }: client.Choice): Promise<void> {
  await service.restart(instance)
}

function step<Details extends object>(
  name: string,
  run: (history: History, details: Details) => Promise<void>,
  details: { [Key in keyof Details]: fc.Arbitrary<Details[Key]> },
): fc.Arbitrary<Step> {
  return fc.record(details).map(values => ({
    check: () => true,
    async run(model, service) {
      const history = { model, service }
      await service.passTurningPoints(model.turningPoints())
      await run(history, values as Details)
      await service.shareActivity()
      await checkWhitelist(history)
    },
    toString: () => `${name}(${JSON.stringify(values)})`,
  }))
}
