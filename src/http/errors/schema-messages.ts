/** The part of a request that a schema describes, as Fastify names it. */
export type Part = 'body' | 'querystring' | 'params' | 'headers'

/** An error of the schema validator, which runs with `verbose`. */
export interface SchemaError {
  keyword: string
  instancePath: string
  schemaPath: string
  params: Readonly<Record<string, unknown>>
  /** The schema that contains the keyword. */
  parentSchema?: Readonly<Record<string, unknown>>
  /** The refused value: never put it into a message. */
  data?: unknown
}

/**
 * Which rule a value breaks, as the end of a sentence that begins with its field. A schema can give its own words in
 * `x-message`. For a pattern it must, because no general words describe one.
 *
 * @param part undefined for the value as a whole
 */
export function messageOf(error: SchemaError, part: Part | undefined): string {
  const { keyword, params, parentSchema = {} } = error
  if (part === 'querystring' && keyword === 'type' && Array.isArray(error.data)) return 'can be sent only once'
  const own = parentSchema['x-message']
  if (typeof own === 'string' && !GENERAL_WORDS_ARE_ENOUGH.has(keyword)) return own
  const limit = Number(params.limit)
  return messages[keyword]?.(limit, error) ?? 'is not valid'
}

/** Rules whose own message says more than `x-message`, which describes the form of a value. */
const GENERAL_WORDS_ARE_ENOUGH: ReadonlySet<string> = new Set(['type', 'minLength', 'maxLength', 'required'])

const messages: Readonly<Record<string, (limit: number, error: SchemaError) => string>> = {
  type: (_limit, { params }) => `must be ${either([params.type].flat().map(nameOfType))}`,
  enum: (_limit, { params }) => mustBeOneOf(params.allowedValues as readonly unknown[]),
  const: (_limit, { params }) => mustBeOneOf([params.allowedValue]),
  anyOf: (_limit, error) => messageOfBranches(error),
  oneOf: (_limit, error) => messageOfBranches(error),
  format: (_limit, { params }) => `must be ${FORMATS[String(params.format)] ?? 'written in the required form'}`,
  pattern: () => 'does not have the required form',

  minLength: limit => (limit === 1 ? 'must not be empty' : `is too short: at least ${count(limit, 'character')}`),
  maxLength: limit => `is too long: at most ${count(limit, 'character')}`,
  minItems: limit => (limit === 1 ? 'must not be empty' : `must have at least ${count(limit, 'entry', 'entries')}`),
  maxItems: limit => `must have at most ${count(limit, 'entry', 'entries')}`,
  uniqueItems: () => 'must not contain the same entry twice',
  contains: () => 'does not contain a required entry',
  additionalItems: limit => `must have at most ${count(limit, 'entry', 'entries')}`,
  items: limit => `must have at most ${count(limit, 'entry', 'entries')}`,
  minProperties: limit => `must have at least ${count(limit, 'field')}`,
  maxProperties: limit => `must have at most ${count(limit, 'field')}`,

  minimum: (limit, { parentSchema = {} }) => range(parentSchema) ?? `must be at least ${limit}`,
  maximum: (limit, { parentSchema = {} }) => range(parentSchema) ?? `must be at most ${limit}`,
  exclusiveMinimum: limit => `must be more than ${limit}`,
  exclusiveMaximum: limit => `must be less than ${limit}`,
  multipleOf: (_limit, { params }) => `must be a multiple of ${Number(params.multipleOf)}`,

  not: () => 'is not allowed',
  'false schema': () => 'is not allowed',
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a JSON object',
  array: 'a list',
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'an id in the form of a UUID',
  'date-time': 'a time such as 2026-01-31T12:00:00Z',
  date: 'a date such as 2026-01-31',
  time: 'a time such as 12:00:00Z',
  duration: 'a duration such as PT15M',
  email: 'an e-mail address',
  uri: 'a complete URL, such as https://example.com/',
  'uri-reference': 'a URL',
  url: 'a complete URL, such as https://example.com/',
  hostname: 'a host name',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  regex: 'a regular expression',
  byte: 'base64',
}

function nameOfType(type: unknown): string {
  return TYPES[String(type)] ?? String(type)
}

function mustBeOneOf(values: readonly unknown[]): string {
  return `must be ${either(values.map(value => (typeof value === 'string' ? value : JSON.stringify(value))))}`
}

/** No branch has the type of the value, or all branches are constants. */
function messageOfBranches({ keyword, instancePath, params, parentSchema = {} }: SchemaError): string {
  if ((params.passingSchemas ?? null) !== null) return 'has more than one of the possible forms'
  const branches = (parentSchema[keyword] ?? []) as readonly Readonly<Record<string, unknown>>[]
  const constants = branches.flatMap(branch => (branch.const === undefined ? (branch.enum ?? []) : [branch.const]))
  const types = branches.filter(branch => branch.const === undefined && branch.enum === undefined)
  const isBody = instancePath === ''
  // Null is how the validator sees a missing body. Nobody sends it on purpose.
  const words = types
    .flatMap(branch => [branch.type ?? []].flat().map(nameOfType))
    .filter(word => !isBody || word !== 'null')
  if (words.length === 0) return constants.length > 0 ? mustBeOneOf(constants) : 'is not valid'
  const values = constants.map(value => (typeof value === 'string' ? value : JSON.stringify(value)))
  return `must be ${either([...new Set([...values, ...words])])}`
}

/** Both limits of a number, if it has both. */
function range({ type, minimum, maximum }: Readonly<Record<string, unknown>>): string | undefined {
  if (minimum === undefined || maximum === undefined) return undefined
  return `must be ${type === 'integer' ? 'a whole number' : 'a number'} from ${minimum} to ${maximum}`
}

function either(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function count(limit: number, one: string, many = `${one}s`): string {
  return `${limit} ${limit === 1 ? one : many}`
}
