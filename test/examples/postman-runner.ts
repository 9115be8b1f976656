import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import postman, { type Variable } from 'postman-collection'
import runtime, { type RunCallbacks } from 'postman-runtime'

const folder = resolve(import.meta.dirname, '../../examples/postman')
const REQUEST_TIMEOUT_MS = 20_000
const SCRIPT_TIMEOUT_MS = 20_000

export const collection = JSON.parse(readFileSync(`${folder}/latchkey.postman_collection.json`, 'utf8')) as Folder
export const environment = JSON.parse(readFileSync(`${folder}/latchkey.postman_environment.json`, 'utf8')) as {
  values: Variable[]
}

/** The part of the format of a collection that the tests read. */
export interface Item {
  name: string
  event?: { listen: string; script: { exec: string[] } }[]
  request: { method: string; body?: { raw: string } }
}

export interface Folder {
  name?: string
  item: (Folder | Item)[]
  event?: Item['event']
}

/** What happened in a run. */
export interface Run {
  /** The requests of the collection that were sent, in their order, and the status of each answer. */
  requests: { name: string; status: number | undefined }[]
  /** How many checks succeeded. */
  passed: number
  /** The checks that failed, and everything else that went wrong. */
  failures: string[]
  /** The lines that the scripts wrote to the console. */
  console: string[]
  /** The variables of the environment, after the run. */
  environment: Record<string, unknown>
}

/**
 * Runs a collection with the runtime of Postman, in the environment of the example with these values.
 *
 * @param onStart is called when an answer begins
 */
export function run(chosen: Folder, values: Record<string, unknown>, onStart = (_status: number) => {}): Promise<Run> {
  const result: Run = { requests: [], passed: 0, failures: [], console: [], environment: {} }
  const scope = new postman.VariableScope({
    name: 'Latchkey',
    values: environment.values.map(variable => ({
      ...variable,
      ...(variable.key in values && { value: values[variable.key] }),
    })),
  })
  for (const [key, value] of Object.entries(values)) if (!scope.has(key)) scope.set(key, value)
  let current = ''
  return new Promise((done, fail) => {
    const callbacks: RunCallbacks = {
      console: (_cursor, _level, ...parts) => result.console.push(parts.join(' ')),
      exception: (_cursor, error) => result.failures.push(`${current}: ${error.message}`),
      beforeItem: (_error, _cursor, item) => {
        current = item.name
      },
      assertion: (_cursor, assertions) => {
        for (const { name, passed, error } of assertions) {
          if (passed) result.passed++
          else result.failures.push(`${current}: ${name}: ${error?.message}`)
        }
      },
      script: (error, _cursor, execution) => {
        const values = execution?.environment?.values
        if (error) result.failures.push(`${current}: ${error.message}`)
        else if (values) result.environment = Object.fromEntries(values.map(({ key, value }) => [key, value]))
      },
      responseStart: (_error, _cursor, response) => response && onStart(response.code),
      response: (error, _cursor, response) => {
        if (error) result.failures.push(`${current}: ${error.message}`)
        result.requests.push({ name: current, status: response?.code })
      },
      done: error => (error ? fail(error) : done(result)),
    }
    const timeout = { request: REQUEST_TIMEOUT_MS, script: SCRIPT_TIMEOUT_MS }
    new runtime.Runner().run(new postman.Collection(chosen), { environment: scope, timeout }, (error, run) =>
      error ? fail(error) : run.start(callbacks),
    )
  })
}

/** The collection with these requests alone, in this order. */
export function only(...names: string[]): Folder {
  return withItems(names.map(itemCalled))
}

/** The collection with its script and these requests. */
export function withItems(item: Item[]): Folder {
  return { ...collection, item }
}

export function itemCalled(name: string): Item {
  const item = collection.item.flatMap(folder => (folder as Folder).item as Item[]).find(item => item.name === name)
  if (item === undefined) throw new Error(`The collection has no request "${name}".`)
  return item
}
