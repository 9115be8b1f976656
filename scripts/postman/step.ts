/** A request of the collection, and what is checked about its answer. */
export interface Step {
  /** Unique: a run names its requests by it. */
  name: string
  /** The `operationId` in the OpenAPI document, which says the method, the path and everything that is not said here. */
  operation?: string
  /** Instead of an operation, for the routes that are not in the document. */
  route?: { method: string; path: string }
  /** By default what the operation requires. A text is a token. */
  authorization?: Authorization | { token: string }
  /** Values for the parameters of the path. */
  parameters?: Record<string, string>
  query?: Record<string, string>
  headers?: Record<string, string>
  /** By default the example of the document, for programs that are not browsers. */
  body?: Record<string, unknown>
  /** By default the success that the document names. */
  status?: number
  /** Lines of a script that runs before the request. */
  before?: readonly string[]
  /** Lines of a script that runs after a success. `body` is the answer. */
  after?: readonly string[]
  /** Whether the answer has the tokens of the user, which are kept in the environment. */
  savesTokens?: true
  /** Text below the description of the operation. */
  note?: string
}

/** Who sends a request: nobody, a user, a client with its access token, or a client with its secret. */
export type Authorization = 'none' | 'user' | 'client' | 'secret'

export interface Folder {
  name: string
  description: string
  /** A setting without which the service has none of these routes. */
  needs?: string
  steps: readonly Step[]
}

/** A line of a script that keeps a value for later requests. */
export function keep(variable: string, expression: string): string {
  return `pm.collectionVariables.set('${variable}', ${expression})`
}

/** A line of a script that checks a fact. */
export function check(fact: string, expression: string): string {
  return `pm.test('${fact}', () => ${expression})`
}

/** A line of a script that makes an address of which no account exists yet. Bruno changes the word "postman" in scripts. */
export function newAddress(variable: string): string {
  return keep(variable, `'collection-' + pm.variables.replaceIn('{{$randomUUID}}') + '@example.com'`)
}

/** In a body, a variable that holds a number: it is written without quotes. */
export function numberIn(variable: string): string {
  return `${NUMBER}{{${variable}}}`
}

const NUMBER = 'number:'

/** A body as JSON, in which variables are not yet replaced. */
export function jsonOf(body: object): string {
  return JSON.stringify(body, undefined, 2).replaceAll(new RegExp(`"${NUMBER}({{\\w+}})"`, 'g'), '$1')
}
