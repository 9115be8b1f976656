import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { requestDeletion } from '../../../domain/accounts/delete-account.js'
import { type AccountExport, exportAccount } from '../../../domain/accounts/export-account.js'
import type { AuthContext } from '../../../domain/context.js'
import type { User } from '../../../postgres/users.js'
import type { GenuineCredential } from '../../plugins/rate-limit.js'
import {
  accessTokenErrors,
  bodyOf,
  errorResponses,
  eventSchema,
  nullableString,
  nullableTimestamp,
  sessionSchema,
  Type,
  userSchema,
} from '../../schemas.js'
import { eventView } from './events.js'
import { sessionView } from './sessions.js'
import { examples } from './sign-in-examples.js'
import { signInFields } from './sign-in-fields.js'
import { callerOf, userView } from './token-response.js'

/** What users do with their whole account: delete it, and get a copy of what is kept about them. */
export const accountRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const { password } = signInFields(context.config)
  // Not by the session: each sign-in opens another one.
  const genuine: GenuineCredential = {
    inBody: () => false,
    holderName: 'one user',
    holder: request => `user:${request.principal.userId}`,
  }
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store')
  })

  app.delete(
    '/auth/profile',
    {
      onRequest: app.authenticate,
      config: { ...app.limits.perAddress, genuine, csrf: 'always', revokes: 'for users' },
      schema: {
        operationId: 'deleteAccount',
        summary: 'Ask for the deletion of the signed-in user’s account',
        description:
          'Revokes every session of the account at once. The account is deleted after `ACCOUNT_DELETION_DELAY`; a sign-in ' +
          'before `delete_at` keeps it. A second request keeps the first date.',
        tags: ['Account'],
        security: [{ bearer: [] }],
        documented: { headers: { 202: ['Set-Cookie'] }, examples: examples.deleteAccount },
        body: bodyOf({ current_password: password }),
        response: {
          202: Type.Object(
            {
              delete_at: Type.String({
                format: 'date-time',
                description: 'When the account is deleted; now, if there is no delay.',
              }),
            },
            { title: 'RequestedDeletion', description: 'Every session is revoked, and the deletion is planned.' },
          ),
          ...errorResponses(
            'invalid_request',
            ...accessTokenErrors,
            'invalid_credentials',
            'own_account',
            'cross_site_request',
            'rate_limited',
            'busy',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      const given = { password: request.body.current_password, deviceCookie: request.deviceCookie() }
      const deleteAt = await requestDeletion(context, request.principal, given, callerOf(request))
      reply.clearRefreshCookie().clearAccessCookie().code(202)
      return { delete_at: deleteAt.toISOString() }
    },
  )
  app.get(
    '/auth/profile/export',
    {
      onRequest: app.authenticate,
      config: { ...app.limits.expensive, genuine },
      // It would read everything for nobody, and write an event about it.
      exposeHeadRoute: false,
      schema: {
        operationId: 'exportAccount',
        summary: 'Get everything that is kept about the signed-in user',
        description:
          'One JSON document: the account, its live sessions, and all its events that are still kept, the latest first. It has ' +
          'no secrets, and not the metadata that the application notes about the user. Each export is an event of the account.',
        tags: ['Account'],
        security: [{ bearer: [] }],
        documented: { headers: { 200: ['Content-Disposition'] } },
        response: {
          200: exportSchema,
          ...errorResponses(...accessTokenErrors, 'rate_limited', 'store_unavailable'),
        },
      },
    },
    async (request, reply) => {
      const exported = await exportAccount(context, request.principal, callerOf(request))
      const day = exported.at.toISOString().slice(0, 10)
      reply
        .type('application/json; charset=utf-8')
        .header('Content-Disposition', `attachment; filename="account-${day}.json"`)
      // A stream is not serialised by the schema.
      return reply.send(Readable.from(textOf(exported, context.locate)) as never)
    },
  )
}

const exportSchema = Type.Object(
  {
    exported_at: Type.String({ format: 'date-time' }),
    account: Type.Object({
      ...userSchema.properties,
      email_verified_at: nullableTimestamp,
      external_id: nullableString,
      password_changed_at: Type.String({ format: 'date-time' }),
      updated_at: Type.String({ format: 'date-time' }),
    }),
    sessions: Type.Array(sessionSchema),
    events: Type.Array(eventSchema),
  },
  { title: 'AccountExport', description: 'What is kept about the user, as a file.' },
)

/** The document in pieces, each with at most one event. */
async function* textOf(exported: AccountExport, locate: AuthContext['locate']): AsyncGenerator<string> {
  const { at, user, sessions, events } = exported
  const head = JSON.stringify({
    exported_at: at.toISOString(),
    account: accountView(user),
    sessions: sessions.map(sessionView),
  })
  let before = `${head.slice(0, -1)},"events":[`
  for await (const event of events) {
    yield `${before}${JSON.stringify(eventView(event, locate))}`
    before = ','
  }
  yield ']}'
}

function accountView(user: User) {
  return {
    ...userView({ ...user, emailVerified: user.emailVerifiedAt !== null, claims: user.claims ?? {} }),
    email_verified_at: user.emailVerifiedAt?.toISOString() ?? null,
    external_id: user.externalId,
    password_changed_at: user.passwordChangedAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
  }
}
