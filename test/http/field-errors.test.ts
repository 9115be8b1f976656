import type { FastifyInstance, InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import type { FieldError } from '../../src/lib/errors.js'
import { buildToyApp } from '../support/toy-app.js'

const CANARY = 'canary'

/** Answers the errors of a request whose body has this schema. */
async function appWith(t: Test, schema: object) {
  const routes = (app: FastifyInstance) => {
    app.post('/form', { schema: { body: schema } }, async () => ({}))
  }
  const { app, lines } = await buildToyApp(t, { routes })
  return async (payload: unknown): Promise<{ errors?: FieldError[]; detail?: string }> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: '/form', headers, payload: JSON.stringify(payload) })
    t.equal(answer.statusCode, 400, answer.body)
    t.notMatch(answer.body, new RegExp(CANARY), 'the answer does not contain the value')
    t.notMatch(lines.join(), new RegExp(CANARY), 'nor does the log')
    const { errors, detail } = answer.json()
    return { ...(errors && { errors }), ...(detail && { detail }) }
  }
}

/** A schema of one field, refused values, and the end of the sentence that begins with the field. */
const rules: [schema: object, values: unknown[], message: string][] = [
  [{ type: 'string' }, [1, null, [CANARY], { a: CANARY }], 'must be text'],
  [{ type: 'integer' }, ['1', 1.5], 'must be a whole number'],
  [{ type: 'number' }, ['1'], 'must be a number'],
  [{ type: 'boolean' }, ['true', 1], 'must be true or false'],
  [{ type: 'object' }, [CANARY, []], 'must be a JSON object'],
  [{ type: 'array' }, [CANARY, {}], 'must be a list'],
  [{ type: ['string', 'null'] }, [1], 'must be text or null'],
  [{ type: 'string', minLength: 1 }, [''], 'must not be empty'],
  [{ type: 'string', minLength: 7 }, [CANARY], 'is too short: at least 7 characters'],
  [{ type: 'string', maxLength: 1 }, [CANARY], 'is too long: at most 1 character'],
  [{ type: 'string', pattern: '^[0-9]+$', 'x-message': 'must be a number' }, [CANARY, ''], 'must be a number'],
  [{ type: 'string', pattern: '^[0-9]+$' }, [CANARY], 'does not have the required form'],
  [
    { type: 'string', maxLength: 5, pattern: '^[0-9]+$', 'x-message': 'is odd' },
    [CANARY],
    'is too long: at most 5 characters',
  ],
  [{ type: 'string', format: 'uuid' }, [CANARY], 'must be an id in the form of a UUID'],
  [{ type: 'string', format: 'date-time' }, [CANARY], 'must be a time such as 2026-01-31T12:00:00Z'],
  [{ type: 'string', format: 'email' }, [CANARY], 'must be an e-mail address'],
  [{ type: 'string', format: 'uri' }, [CANARY], 'must be a complete URL, such as https://example.com/'],
  [{ type: 'string', format: 'ipv4' }, [CANARY], 'must be an IPv4 address'],
  [{ type: 'string', enum: ['a', 'b', 'c'] }, [CANARY], 'must be a, b or c'],
  [{ const: 'a' }, [CANARY], 'must be a'],
  [{ enum: [1, true] }, [CANARY], 'must be 1 or true'],
  [
    {
      anyOf: [
        { const: 'cookie', type: 'string' },
        { const: 'body', type: 'string' },
      ],
    },
    [CANARY, 1, null],
    'must be cookie or body',
  ],
  [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, [1], 'must be text or null'],
  [{ anyOf: [{ type: 'string', maxLength: 2 }, { type: 'null' }] }, [CANARY], 'is too long: at most 2 characters'],
  [
    {
      oneOf: [
        { type: 'integer', maximum: 5 },
        { type: 'string', enum: ['all'] },
      ],
    },
    [9],
    'must be at most 5',
  ],
  [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, [9], 'has more than one of the possible forms'],
  [{ anyOf: [{ type: 'string', minLength: 99 }, { type: 'null' }], 'x-message': 'is odd' }, [CANARY], 'is odd'],
  [{ type: 'integer', minimum: 1, maximum: 100 }, [0, 101], 'must be a whole number from 1 to 100'],
  [{ type: 'number', minimum: 1 }, [0], 'must be at least 1'],
  [{ type: 'number', exclusiveMinimum: 1 }, [1], 'must be more than 1'],
  [{ type: 'number', exclusiveMaximum: 1 }, [1], 'must be less than 1'],
  [{ type: 'number', multipleOf: 5 }, [7], 'must be a multiple of 5'],
  [{ type: 'array', minItems: 1 }, [[]], 'must not be empty'],
  [{ type: 'array', maxItems: 1 }, [[1, 2]], 'must have at most 1 entry'],
  [{ type: 'array', uniqueItems: true }, [[CANARY, CANARY]], 'must not contain the same entry twice'],
  [{ type: 'object', minProperties: 1 }, [{}], 'must have at least 1 field'],
  [{ not: { type: 'string' } }, [CANARY], 'is not allowed'],
]

t.test('each rule of a schema has a message in plain words, without the value and the pattern', async t => {
  for (const [schema, values, message] of rules) {
    const refuse = await appWith(t, { type: 'object', properties: { field: schema } })
    for (const field of values) t.strictSame(await refuse({ field }), { errors: [{ field: 'field', message }] })
  }
})

t.test('every wrong field is reported at once, each with the first rule that it breaks', async t => {
  const refuse = await appWith(t, {
    type: 'object',
    properties: { name: { type: 'string', minLength: 2, pattern: '^a', 'x-message': 'must begin with a' } },
    required: ['name', 'email'],
    additionalProperties: false,
  })
  t.strictSame(await refuse({ name: 'x', rememberMe: CANARY }), {
    errors: [
      { field: 'email', message: 'is required' },
      { field: 'rememberMe', message: 'is not a field of this request' },
      { field: 'name', message: 'is too short: at least 2 characters' },
    ],
  })
  t.match((await refuse({ name: 'xx' })).errors?.at(-1), { field: 'name', message: 'must begin with a' })
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 1]))
  t.equal((await refuse(many)).errors?.length, 20, 'a flood of unknown fields is cut')
  const long = await refuse({ name: 'ab', email: 'a', ['x'.repeat(500)]: 1 })
  t.ok(
    long.errors?.some(({ field }) => field === 'x'.repeat(64)),
    'a long name is cut',
  )
})

t.test('a nested value is named by its path', async t => {
  const refuse = await appWith(t, {
    type: 'object',
    properties: {
      roles: { type: 'array', items: { type: 'string', maxLength: 3 } },
      device: { type: 'object', properties: { 'os/name~': { type: 'string' } }, required: ['kind'] },
    },
  })
  t.strictSame(await refuse({ roles: ['a', 1], device: { 'os/name~': 1 } }), {
    errors: [
      { field: 'roles.1', message: 'must be text' },
      { field: 'device.kind', message: 'is required' },
      { field: 'device.os/name~', message: 'must be text' },
    ],
  })
})

t.test('an either/or names the fields that it is about', async t => {
  const either = [{ required: ['email'] }, { required: ['username'] }]
  const refuse = await appWith(t, { type: 'object', properties: { password: { type: 'string' } }, oneOf: either })
  t.strictSame(await refuse({}), {
    errors: [
      { field: 'email', message: 'is required, unless you send username' },
      { field: 'username', message: 'is required, unless you send email' },
    ],
  })
  t.strictSame(await refuse({ email: 'a', username: CANARY }), {
    errors: [
      { field: 'email', message: 'cannot be sent together with username' },
      { field: 'username', message: 'cannot be sent together with email' },
    ],
  })
})

t.test('a body of the wrong kind has a sentence and no field', async t => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } }
  for (const body of [schema, { anyOf: [schema, { type: 'null' }] }]) {
    const refuse = await appWith(t, body)
    for (const payload of [[], CANARY, 1, true])
      t.strictSame(await refuse(payload), { detail: 'The body must be a JSON object.' })
  }
  const refuse = await appWith(t, { ...schema, minProperties: 1, 'x-message': 'must have a' })
  t.strictSame(await refuse({}), { detail: 'The body must have a.' })
})

t.test('parameters of the path and the query, and headers, are named too', async t => {
  const limit = { type: 'string', pattern: '^[1-9]$', 'x-message': 'must be a whole number from 1 to 9' }
  const { app } = await buildToyApp(t, {
    routes: app => {
      const schema = {
        params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } },
        querystring: { type: 'object', properties: { limit }, additionalProperties: false },
        headers: { type: 'object', properties: { 'x-limit': limit } },
      }
      app.get('/things/:id', { schema }, async () => ({}))
    },
  })
  const id = '0197a5a0-0000-7000-8000-000000000000'
  const cases: [request: InjectOptions, field: string, message: string][] = [
    [{ url: '/things/7' }, 'id', 'must be an id in the form of a UUID'],
    [{ url: `/things/${id}?limit=0` }, 'limit', 'must be a whole number from 1 to 9'],
    [{ url: `/things/${id}?limit=1&limit=2` }, 'limit', 'can be sent only once'],
    [{ url: `/things/${id}?size=1` }, 'size', 'is not a parameter of this request'],
    [{ url: `/things/${id}`, headers: { 'x-limit': '99' } }, 'x-limit', 'must be a whole number from 1 to 9'],
  ]
  for (const [request, field, message] of cases) {
    const answer = await app.inject(request)
    t.match(answer.json(), { status: 400, code: 'invalid_request' })
    t.strictSame(answer.json().errors, [{ field, message }])
  }
})
