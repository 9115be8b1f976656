import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { deleteDueAccounts } from '../../src/domain/maintenance.js'
import type { TestApp } from './build-test-app.js'
import { PASSWORD } from './people.js'

export const DAY = 24 * 60 * 60

/** Asks for the deletion of the account of a session, and returns the answer whatever it is. */
export function askForDeletion(
  app: FastifyInstance,
  { accessToken }: { accessToken: string },
  current_password = PASSWORD,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  return app.inject({
    method: 'DELETE',
    url: '/auth/profile',
    headers: { authorization: `Bearer ${accessToken}`, ...headers },
    payload: { current_password },
  })
}

/** Deletes the accounts that are due, as maintenance does. */
export function deleteDue({ app }: Pick<TestApp, 'app'>, batchSize?: number): Promise<number> {
  return deleteDueAccounts(app.context, batchSize === undefined ? {} : { batchSize })
}

/** The types of the events of an account, the earliest first. */
export async function typesOf({ database }: TestApp, userId: string): Promise<string[]> {
  const rows = await database.admin`select type from security_events where user_id = ${userId} order by at, id`
  return rows.map(({ type }) => type)
}

export async function exists({ database }: TestApp, userId: string): Promise<boolean> {
  return (await database.admin`select from users where id = ${userId}`).length === 1
}
