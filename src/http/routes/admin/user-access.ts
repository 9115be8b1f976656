import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { disableUser, enableUser } from '../../../domain/accounts/administer-users.js'
import { getUser } from '../../../domain/accounts/find-users.js'
import type { AuthContext } from '../../../domain/context.js'
import { listEvents } from '../../../domain/events/list-events.js'
import { issuePasswordReset } from '../../../domain/passwords/password-reset.js'
import { setTemporaryPassword } from '../../../domain/passwords/temporary-password.js'
import { endSessionOfUser, endSessionsOfUser, sessionsOfUser } from '../../../domain/sessions/manage-sessions.js'
import { eventPageSchema, sessionSchema, Type } from '../../schemas.js'
import { eventPageView, eventsQuery, eventsQueryDocs, parseEventsQuery } from '../auth/events.js'
import { sessionView } from '../auth/sessions.js'
import { adminErrors, adminOperation, sessionParams, userParams } from './schemas.js'

/** The access of a user: disable and enable, temporary password, password reset, events and sessions. */
export const userAccessRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/admin/users/:id/disable',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'disableUser',
        summary: 'Disable a user',
        description: 'Revokes every session of the user and refuses new ones.',
        params: userParams,
        response: {
          204: Type.Null({ description: 'The user is disabled.' }),
          ...adminErrors('user_not_found', 'own_account'),
        },
      },
    },
    async (request, reply) => {
      await disableUser(request.adminContext(), request.params.id, request.actor)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/admin/users/:id/enable',
    {
      schema: {
        ...adminOperation,
        operationId: 'enableUser',
        summary: 'Enable a disabled user',
        description: 'The user can sign in again. Revoked sessions stay revoked.',
        params: userParams,
        response: { 204: Type.Null({ description: 'The user is enabled.' }), ...adminErrors('user_not_found') },
      },
    },
    async (request, reply) => {
      await enableUser(request.adminContext(), request.params.id, request.actor)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/admin/users/:id/temporary-password',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'setTemporaryPassword',
        summary: 'Replace a user’s password with a temporary one',
        description:
          'Only this response contains the temporary password. The user must change it at the next sign-in. Revokes ' +
          'every session of the user.',
        params: userParams,
        response: {
          200: Type.Object(
            { temporary_password: Type.String() },
            { title: 'TemporaryPassword', description: 'The temporary password.' },
          ),
          ...adminErrors('user_not_found', 'busy'),
        },
      },
    },
    async request => ({
      temporary_password: await setTemporaryPassword(request.adminContext(), request.params.id, request.actor),
    }),
  )

  app.post(
    '/admin/users/:id/password-reset',
    {
      schema: {
        ...adminOperation,
        operationId: 'issuePasswordReset',
        summary: 'Issue a one-time token with which a user sets a new password',
        description: 'For your own mailer. Only this response contains the token. Any earlier token is invalidated.',
        params: userParams,
        response: {
          200: Type.Object(
            {
              token: Type.String({ description: 'For POST /auth/reset-password.' }),
              email: Type.String({ description: 'Send the token to this address only.' }),
              expires_at: Type.String({ format: 'date-time' }),
            },
            { title: 'IssuedPasswordReset', description: 'The one-time token.' },
          ),
          ...adminErrors('user_not_found', 'account_disabled'),
        },
      },
    },
    async request => {
      const { token, email, expiresAt } = await issuePasswordReset(
        request.adminContext(),
        request.params.id,
        request.actor,
      )
      return { token, email, expires_at: expiresAt.toISOString() }
    },
  )

  app.get(
    '/admin/users/:id/events',
    {
      schema: {
        ...adminOperation,
        operationId: 'listUserEvents',
        documented: { query: eventsQueryDocs },
        summary: 'List the events of a user’s account, newest first',
        description: 'With all details; `/auth/events` leaves out details about other people.',
        params: userParams,
        querystring: eventsQuery,
        response: { 200: eventPageSchema, ...adminErrors('user_not_found') },
      },
    },
    async request => {
      const { id } = request.params
      await getUser(context, id)
      return eventPageView(context, await listEvents(context, { ...parseEventsQuery(request.query), userId: id }))
    },
  )

  app.get(
    '/admin/users/:id/sessions',
    {
      schema: {
        ...adminOperation,
        operationId: 'listUserSessions',
        summary: 'List the live sessions of a user, newest first',
        description: 'As the user sees them at `/auth/sessions`.',
        params: userParams,
        response: {
          200: Type.Array(sessionSchema, { description: 'The live sessions.' }),
          ...adminErrors('user_not_found'),
        },
      },
    },
    async request => (await sessionsOfUser(context, request.params.id)).map(sessionView),
  )

  app.delete(
    '/admin/users/:id/sessions',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'revokeUserSessions',
        summary: 'Sign a user out everywhere',
        description: 'Revokes every session of the user. The user can sign in again.',
        params: userParams,
        response: { 204: Type.Null({ description: 'The sessions are revoked.' }), ...adminErrors('user_not_found') },
      },
    },
    async (request, reply) => {
      await endSessionsOfUser(request.adminContext(), request.params.id, request.actor)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/admin/users/:id/sessions/:session_id',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'revokeUserSession',
        summary: 'Revoke one session of a user',
        description: 'Its access tokens are refused at once.',
        params: sessionParams,
        response: {
          204: Type.Null({ description: 'The session is revoked.' }),
          ...adminErrors('user_not_found', 'session_not_found'),
        },
      },
    },
    async (request, reply) => {
      await endSessionOfUser(request.adminContext(), request.params.id, request.params.session_id, request.actor)
      return reply.code(204).send(null)
    },
  )
}
