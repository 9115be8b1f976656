import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ROLES_MAX_BYTES } from '@latchkey/verifier/core'
import { createUser, deleteUser, setRoles } from '../../../domain/accounts/administer-users.js'
import { cancelDeletion } from '../../../domain/accounts/delete-account.js'
import { getUser, getUserOverview } from '../../../domain/accounts/find-users.js'
import { renameUser } from '../../../domain/accounts/rename-user.js'
import type { AuthContext } from '../../../domain/context.js'
import { fieldError, LatchkeyError } from '../../../lib/errors.js'
import { bodyOf, Type } from '../../schemas.js'
import { examples } from './examples.js'
import {
  adminErrors,
  adminOperation,
  adminUserSchema,
  adminUserView,
  nameText,
  userOverviewSchema,
  userOverviewView,
  userParams,
} from './schemas.js'

const name = Type.String(nameText)
// The domain checks the characters and the total size, because its errors give the reason.
const roles = Type.Array(Type.String(), {
  description:
    'Letters, digits, symbols, punctuation except commas, and single spaces between them; stored in NFC. The ' +
    `roles of a user have at most ${ROLES_MAX_BYTES} bytes in total; a role counts as its length in X-Auth-Roles ` +
    'plus 3.',
})

/** Creates, returns, changes and deletes users. */
export const userRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/admin/users',
    {
      schema: {
        ...adminOperation,
        operationId: 'createUser',
        documented: { examples: examples.createUser },
        summary: 'Create a user',
        description:
          'Only this response contains the temporary password. The user must change it at the first sign-in.',
        body: bodyOf({
          email: name,
          username: Type.Optional(name),
          external_id: Type.Optional(name),
          roles: Type.Optional(roles),
        }),
        response: {
          201: Type.Object(
            { user: adminUserSchema, temporary_password: Type.String() },
            { title: 'CreatedUser', description: 'The user, with the temporary password.' },
          ),
          ...adminErrors(
            'email_taken',
            'username_taken',
            'external_id_taken',
            'invalid_email',
            'invalid_username',
            'invalid_role',
            'busy',
          ),
        },
      },
    },
    async (request, reply) => {
      const { email, username, external_id: externalId, roles } = request.body
      const { id, temporaryPassword } = await createUser(
        request.adminContext(),
        { email, username, externalId, roles },
        request.actor,
      )
      reply.code(201)
      return { user: adminUserView(await getUser(context, id)), temporary_password: temporaryPassword }
    },
  )

  app.get(
    '/admin/users/:id',
    {
      schema: {
        ...adminOperation,
        operationId: 'getUser',
        summary: 'Get a user',
        description: 'By id. To find a user by name, use `GET /admin/users`.',
        params: userParams,
        response: { 200: userOverviewSchema, ...adminErrors('user_not_found') },
      },
    },
    async request => userOverviewView(await getUserOverview(context, request.params.id)),
  )

  app.patch(
    '/admin/users/:id',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'changeUser',
        documented: { examples: examples.changeUser },
        summary: 'Change the roles or the names of a user',
        description:
          'Send either `roles`, or `email`, `username` or both; null removes the username. Sessions continue. Access ' +
          'tokens with the old roles are refused with `token_stale` until they are refreshed.',
        params: userParams,
        body: bodyOf({
          roles: Type.Optional(roles),
          email: Type.Optional(name),
          username: Type.Optional(Type.Union([name, Type.Null()])),
        }),
        response: {
          200: adminUserSchema,
          ...adminErrors(
            'user_not_found',
            'invalid_role',
            'own_account',
            'email_taken',
            'username_taken',
            'invalid_email',
            'invalid_username',
          ),
        },
      },
    },
    async request => {
      const { id } = request.params
      const { roles, ...names } = request.body
      if ((roles === undefined) === (names.email === undefined && names.username === undefined))
        throw rolesOrNames(Object.keys(request.body))
      if (roles === undefined) await renameUser(request.adminContext(), id, names, request.actor)
      else await setRoles(request.adminContext(), id, roles, request.actor)
      return adminUserView(await getUser(context, id))
    },
  )

  app.delete(
    '/admin/users/:id',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'deleteUser',
        summary: 'Delete a user',
        description: 'Deletes every session of the user too; their tokens are refused at once. Events are kept.',
        params: userParams,
        response: {
          204: Type.Null({ description: 'The user is deleted.' }),
          ...adminErrors('user_not_found', 'own_account'),
        },
      },
    },
    async (request, reply) => {
      await deleteUser(request.adminContext(), request.params.id, request.actor)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/admin/users/:id/deletion',
    {
      schema: {
        ...adminOperation,
        operationId: 'cancelDeletion',
        summary: 'Keep a user who asked for the deletion of the account',
        description: 'Cancels the deletion that is planned for `delete_at`. If none is, nothing changes.',
        params: userParams,
        response: { 204: Type.Null({ description: 'No deletion is planned.' }), ...adminErrors('user_not_found') },
      },
    },
    async (request, reply) => {
      await cancelDeletion(request.adminContext(), request.params.id, request.actor)
      return reply.code(204).send(null)
    },
  )
}

/** @param sent the fields that were sent: none, or `roles` and a name */
function rolesOrNames(sent: readonly string[]): LatchkeyError {
  const detail = 'Send either roles, or email, username or both.'
  if (sent.length === 0) return new LatchkeyError('invalid_request', { detail })
  return fieldError('invalid_request', 'roles', 'cannot be sent together with email or username', { detail })
}
