import type { Operation } from './operations.js'
import { type Authorization, jsonOf, type Step } from './step.js'

const FORM = 'application/x-www-form-urlencoded'

/** The request of a step in the format of a collection (v2.1). */
export function requestOf(step: Step, operation: Operation | undefined): object {
  const { method, path } = operation ?? step.route!
  const body = bodyOf(step, operation)
  return {
    method,
    header: headersOf(step, operation, body?.mode === 'raw'),
    url: urlOf(step, operation, path),
    auth: authOf(step.authorization ?? authorizationOf(operation)),
    ...(body && { body }),
    description: [operation?.description ?? operation?.summary, step.note].filter(Boolean).join('\n\n'),
  }
}

function urlOf({ parameters = {}, query = {} }: Step, operation: Operation | undefined, path: string): object {
  const parts = path
    .slice(1)
    .replaceAll(/\{(\w+)\}/g, ':$1')
    .split('/')
  const given = Object.entries(query).map(([key, value]) => ({ key, value }))
  const others = (operation?.parameters ?? []).filter(({ in: place, name }) => place === 'query' && !(name in query))
  const disabled = others.map(({ name, description }) => ({
    key: name,
    value: '',
    disabled: true,
    ...(description !== undefined && { description }),
  }))
  const sent = given.map(({ key, value }) => `${key}=${value}`).join('&')
  const variables = [...path.matchAll(/\{(\w+)\}/g)].map(([, key]) => ({ key, value: parameters[key!] }))
  return {
    raw: `{{base_url}}/${parts.join('/')}${sent && `?${sent}`}`,
    host: ['{{base_url}}'],
    path: parts,
    ...(given.length + disabled.length > 0 && { query: [...given, ...disabled] }),
    ...(variables.length > 0 && { variable: variables }),
  }
}

function headersOf({ headers = {} }: Step, operation: Operation | undefined, isJson: boolean): object[] {
  const prefer = operation?.parameters?.find(({ in: place, name }) => place === 'header' && name === 'prefer')
  return [
    ...(isJson ? [{ key: 'Content-Type', value: 'application/json' }] : []),
    ...Object.entries(headers).map(([key, value]) => ({ key, value })),
    ...(prefer && !('Prefer' in headers) ? [{ key: 'Prefer', value: 'wait=2', disabled: true }] : []),
  ]
}

function bodyOf(step: Step, operation: Operation | undefined) {
  const content = operation?.requestBody?.content
  if (content === undefined) return undefined
  const isForm = !('application/json' in content)
  const examples = content[isForm ? FORM : 'application/json']?.examples
  const value = step.body ?? (examples?.app ?? Object.values(examples ?? {})[0])?.value
  if (value === undefined) throw new Error(`"${step.name}" needs a body: the document has no example`)
  if (isForm)
    return { mode: 'urlencoded', urlencoded: Object.entries(value).map(([key, text]) => ({ key, value: text })) }
  return { mode: 'raw', raw: jsonOf(value), options: { raw: { language: 'json' } } }
}

/** Who can send an operation. Where the document allows several, the collection uses a client, and no cookie. */
function authorizationOf(operation: Operation | undefined): Authorization {
  const allowed = operation?.security ?? []
  const schemes = new Set(allowed.flatMap(scheme => Object.keys(scheme)))
  if (schemes.has('clientSecret')) return 'secret'
  if (schemes.has('client')) return 'client'
  const isRequired = allowed.every(scheme => Object.keys(scheme).length > 0)
  return schemes.has('bearer') && isRequired ? 'user' : 'none'
}

function authOf(authorization: NonNullable<Step['authorization']>): object {
  if (typeof authorization === 'object') return bearerOf(authorization.token)
  if (authorization === 'none') return { type: 'noauth' }
  if (authorization === 'secret')
    return { type: 'basic', basic: pairs({ username: '{{client_id}}', password: '{{client_secret}}' }) }
  return bearerOf(authorization === 'user' ? '{{access_token}}' : '{{client_token}}')
}

/** The authorization of a request that sends this token. */
export function bearerOf(token: string): object {
  return { type: 'bearer', bearer: pairs({ token }) }
}

function pairs(values: Record<string, string>): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value, type: 'string' }))
}
