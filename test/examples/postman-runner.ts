import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import newman, { type NewmanRunOptions, type NewmanRunSummary } from 'newman'

export const folder = resolve(import.meta.dirname, '../../examples/postman')
const REQUEST_TIMEOUT_MS = 20_000
const SCRIPT_TIMEOUT_MS = 20_000

export const collection = JSON.parse(readFileSync(`${folder}/latchkey.postman_collection.json`, 'utf8')) as Folder
export const environment = JSON.parse(readFileSync(`${folder}/latchkey.postman_environment.json`, 'utf8')) as {
  values: { key: string; value: string; type: string }[]
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

/** Runs a collection with newman, in the environment of the example with these values. */
export function run(chosen: Folder, values: Record<string, unknown>): Promise<Run> {
  const lines: string[] = []
  const options: NewmanRunOptions = {
    collection: chosen as object,
    environment: environment as object,
    envVar: Object.entries(values).map(([key, value]) => ({ key, value: String(value) })),
    timeoutRequest: REQUEST_TIMEOUT_MS,
    timeoutScript: SCRIPT_TIMEOUT_MS,
  }
  return new Promise((done, fail) => {
    newman
      .run(options, (error, summary) => (error ? fail(error) : done({ ...resultOf(summary), console: lines })))
      .on('console', (_error, { messages }) => lines.push(messages.join(' ')))
  })
}

/** What newman says about a run, here or in the file that its command writes. */
export function resultOf({ run, environment }: NewmanRunSummary): Omit<Run, 'console'> {
  // A request of a script is noted too, as the request before which it was sent.
  const executions = [...new Map(run.executions.map(execution => [execution.cursor.ref, execution])).values()]
  const assertions = executions.flatMap(({ assertions }) => assertions ?? [])
  const { values } = environment as unknown as { values: { key: string; value: unknown }[] }
  return {
    requests: executions.map(({ item, response }) => ({ name: item.name, status: response?.code })),
    passed: assertions.filter(({ error }) => !error).length,
    failures: run.failures.map(({ source, error }) => `${source?.name}: ${error.test ?? error.name}: ${error.message}`),
    environment: Object.fromEntries(values.map(({ key, value }) => [key, value])),
  }
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
