import { readFileSync } from 'node:fs'
import { folders } from './folders.js'
import { answerOf, type Document, type Operation, operationsOf, successOf } from './operations.js'
import { bearerOf, requestOf } from './request.js'
import type { Folder, Step } from './step.js'

/**
 * The collection for Postman (v2.1), from the OpenAPI document and the folders here.
 *
 * @throws Error if an operation is in no folder, or a folder names an operation that does not exist
 */
export function collectionOf(document: Document): object {
  const operations = operationsOf(document)
  const used = new Set(folders.flatMap(({ steps }) => steps.map(({ operation }) => operation)))
  const missing = [...operations.keys()].filter(id => !used.has(id))
  if (missing.length > 0) throw new Error(`No request of the Postman collection sends ${missing.join(', ')}.`)

  const itemOf = (step: Step, folder: Folder) => {
    const operation = step.operation === undefined ? undefined : operations.get(step.operation)
    if (step.operation !== undefined && operation === undefined)
      throw new Error(`The request "${step.name}" is for ${step.operation}, which the OpenAPI document does not have.`)
    const event = eventsOf(step, testsOf(step, folder, operation, document))
    return { name: step.name, event, request: requestOf(step, operation), response: [] }
  }
  return {
    info: {
      name: 'Latchkey',
      description: readFileSync('examples/postman/description.md', 'utf8').trim(),
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    item: folders.map(folder =>
      folderOf(
        folder,
        folder.steps.map(step => itemOf(step, folder)),
      ),
    ),
    auth: bearerOf('{{access_token}}'),
    event: [{ listen: 'prerequest', script: scriptOf(linesOf('auto-refresh.js')) }],
    variable: [
      { key: 'email', value: 'ada@example.com' },
      { key: 'password', value: 'seven green boats at noon' },
    ],
    // The refresh token is in the environment. A cookie beside it would make the request ambiguous.
    protocolProfileBehavior: { disableCookies: true },
  }
}

function folderOf({ name, description }: Folder, item: object[]): object {
  const isForClients = JSON.stringify(item).includes('{{client_token}}')
  const event = [{ listen: 'prerequest', script: scriptOf(linesOf('client-token.js')) }]
  return { name, description, ...(isForClients && { event }), item }
}

function eventsOf({ before, savesTokens }: Step, tests: string[]): object[] {
  const after = [...tests, ...(savesTokens ? linesOf('save-tokens.js') : [])]
  return [
    ...(before ? [{ listen: 'prerequest', script: scriptOf(before) }] : []),
    { listen: 'test', script: scriptOf(after) },
  ]
}

/** Checks the status and the members of the answer, and then what the step says. */
function testsOf(step: Step, folder: Folder, operation: Operation | undefined, document: Document): string[] {
  const success = operation ? successOf(operation) : 200
  const status = step.status ?? success
  const waits = step.headers?.Prefer !== undefined
  const statuses = waits ? [202, success] : [status]
  const tests = [
    `pm.test('the status is ${statuses.join(' or ')}', () => pm.expect(pm.response.code).to.be.oneOf([${statuses.join(', ')}]))`,
    ...answerTests(operation, status, document),
    ...(step.after ?? []),
  ]
  if (folder.needs === undefined) return tests
  return [
    `if (pm.response.code === 404) pm.test.skip('the service does not have this route: it needs ${folder.needs}')`,
    'else {',
    ...tests.map(line => `  ${line}`),
    '}',
  ]
}

function answerTests(operation: Operation | undefined, status: number, document: Document): string[] {
  if (status >= 400)
    return operation?.path.startsWith('/oauth/') || operation?.path.startsWith('/api/')
      ? []
      : [
          `pm.test('the error has a code', () => pm.expect(pm.response.json()).to.include.all.keys('code', 'status', 'title'))`,
        ]
  const { type, required } = (operation && answerOf(operation, status, document)) ?? {}
  if (type === 'array') return [BODY, `pm.test('the answer is a list', () => pm.expect(body).to.be.an('array'))`]
  if (type !== 'object') return []
  if (!required?.length) return [BODY]
  const members = required.map(name => `'${name}'`).join(', ')
  return [BODY, `pm.test('the answer is complete', () => pm.expect(body).to.include.all.keys(${members}))`]
}

const BODY = 'const body = pm.response.json()'

function linesOf(name: string): string[] {
  return readFileSync(`examples/postman/${name}`, 'utf8').trimEnd().split('\n')
}

function scriptOf(lines: readonly string[]): object {
  return { type: 'text/javascript', exec: lines }
}
