// The parts of Postman's libraries that the tests use. They have no types of their own, or do not name them.

declare module 'postman-collection' {
  interface Variable {
    key: string
    value?: unknown
    type?: string
  }
  class VariableScope {
    constructor(definition: { name: string; values: Variable[] })
    has(name: string): boolean
    set(name: string, value: unknown): void
  }
  /** What the runtime makes of the JSON of a collection. */
  class Collection {
    constructor(definition: object)
  }
  const postman: { VariableScope: typeof VariableScope; Collection: typeof Collection }
  export default postman
  export type { Collection, Variable, VariableScope }
}

declare module 'postman-runtime' {
  import type { Collection, Variable, VariableScope } from 'postman-collection'

  class Runner {
    run(
      collection: Collection,
      options: { environment: VariableScope; timeout: { request: number; script: number } },
      callback: (error: Error | null, run: { start(callbacks: RunCallbacks): void }) => void,
    ): void
  }
  const runtime: { Runner: typeof Runner }
  export default runtime

  /** What happens during a run. `cursor` says where it is. */
  export interface RunCallbacks {
    console(cursor: unknown, level: string, ...parts: unknown[]): void
    exception(cursor: unknown, error: Error): void
    beforeItem(error: Error | null, cursor: unknown, item: { name: string }): void
    assertion(cursor: unknown, assertions: { name: string; passed: boolean; error?: Error }[]): void
    script(error: Error | null, cursor: unknown, execution?: { environment?: { values: Variable[] } }): void
    responseStart(error: Error | null, cursor: unknown, response?: { code: number }): void
    response(error: Error | null, cursor: unknown, response?: { code: number }): void
    done(error: Error | null): void
  }
}
