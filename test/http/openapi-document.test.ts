import t from 'tap'
import { describeApi } from '../../scripts/describe-api.js'
import { createComponents } from '../../src/http/openapi/components.js'
import { describeBody } from '../../src/http/openapi/request-body.js'
import { bodyAliases } from '../../src/http/routes/auth/body-aliases.js'
import { bodyOf, optionalBodyOf, Type } from '../../src/http/schemas.js'

interface Operation {
  operationId?: string
  requestBody?: { required: boolean }
  parameters?: { name: string; required: boolean }[]
  responses: Record<string, { description?: string; $ref?: string }>
}

const document = (await describeApi()) as {
  paths: Record<string, Record<string, Operation>>
  components: { responses: Record<string, { description: string }> }
}
const operations = Object.values(document.paths).flatMap(Object.values) as Operation[]
const named = (id: string) => operations.find(({ operationId }) => operationId === id)!

t.test('every operation has a name of its own, and describes each answer', async t => {
  const names = operations.map(({ operationId }) => operationId)
  t.notOk(names.includes(undefined))
  t.equal(new Set(names).size, operations.length)
  for (const { operationId, responses } of operations)
    for (const [status, { description, $ref }] of Object.entries(responses))
      t.ok($ref ?? description, `${operationId} ${status}`)
})

t.test(
  'a body is required only where the service requires one, and a parameter with a default is optional',
  async t => {
    const required = (id: string) => named(id).requestBody?.required
    t.same(['logIn', 'refreshTokens', 'logOut'].map(required), [true, false, false])
    t.notOk(named('disableUser').requestBody)
    for (const id of ['findUsers', 'listEvents', 'listUserEvents'])
      t.equal(named(id).parameters!.find(({ name }) => name === 'limit')!.required, false, id)
  },
)

t.test('each older spelling of a field is an alternative that is marked as deprecated', async t => {
  const text = Type.String()
  const body = bodyOf({ current_password: text, new_password: text })
  const aliases = { oldPassword: 'current_password', newPassword: 'new_password' }
  const { content } = describeBody({ body }, { preValidation: [bodyAliases(aliases)] } as never) as {
    content: { 'application/json': { schema: { anyOf: { deprecated?: boolean; required: string[] }[] } } }
  }
  const { anyOf } = content['application/json'].schema
  t.same(
    anyOf.map(({ required, deprecated = false }) => [deprecated, ...required.toSorted()]),
    [
      [false, 'current_password', 'new_password'],
      [true, 'current_password', 'newPassword'],
      [true, 'new_password', 'oldPassword'],
      [true, 'newPassword', 'oldPassword'],
    ],
  )
})

t.test('an optional body can be missing or null', async t => {
  const body = optionalBodyOf({ scope: Type.Optional(Type.String()) })
  t.match(describeBody({ body }, {} as never), {
    required: false,
    content: { 'application/json': { schema: { anyOf: [{ type: 'object' }, { type: 'null' }] } } },
  })
})

t.test('two different schemas cannot have the same name', async t => {
  const components = createComponents()
  components.refer({ title: 'User', type: 'object', properties: { id: { type: 'string' } } })
  t.throws(() => components.refer({ title: 'User', type: 'object', properties: {} }), /User/)
})

t.test('a named schema that also accepts null is a reference, or null', async t => {
  const components = createComponents()
  t.same(components.refer({ title: 'Device', type: ['object', 'null'] }), {
    anyOf: [{ $ref: '#/components/schemas/Device' }, { type: 'null' }],
  })
  t.same(components.all().schemas, { Device: { type: 'object' } })
})
