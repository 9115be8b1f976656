import type { Answer } from './connection.js'
import type { Scenario } from './scenario.js'

/** Gives the requests of a scenario, and takes their answers. */
export interface Source {
  /** Undefined if there is none now: all are used up, or every chain waits for an answer. */
  next(): Job | undefined
  collected?: string[]
  tokens?: string[]
}

export interface Job {
  request: string
  answered(answer: Answer): void
}

export function sourceOf(scenario: Scenario): Source {
  switch (scenario.kind) {
    case 'repeated': {
      const { requests } = scenario
      let next = 0
      return { next: () => ({ request: requests[next++ % requests.length]!, answered: ignore }) }
    }
    case 'once': {
      const { requests, collect } = scenario
      const collected: string[] = []
      let next = 0
      const take = (): Job | undefined => {
        if (next === requests.length) return undefined
        const at = next++
        if (collect === undefined) return { request: requests[at]!, answered: ignore }
        const answered = ({ text }: Answer) => {
          collected[at] = fieldOf(text, collect)
        }
        return { request: requests[at]!, answered }
      }
      return { next: take, collected }
    }
    case 'chains': {
      const { head, field } = scenario
      const [before, after] = scenario.body
      const tokens = [...scenario.tokens]
      // First in, first out: every session has its turn.
      const idle = tokens.map((_, at) => at)
      let first = 0
      const next = (): Job | undefined => {
        if (first === idle.length) return undefined
        const at = idle[first++]!
        if (first > 100_000) first -= idle.splice(0, first).length
        const body = before + tokens[at] + after
        const request = `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
        const answered = ({ status, text }: Answer) => {
          // Without a new token, the session cannot go on, and the answer counts as a failure.
          if (status !== 200) return
          tokens[at] = fieldOf(text, field)
          idle.push(at)
        }
        return { request, answered }
      }
      return { next, tokens }
    }
  }
}

function ignore(): void {}

/** The value of a field of JSON. It is found without parsing, and must need no unescaping, as tokens do not. */
function fieldOf(text: string, field: string): string {
  const name = `"${field}":`
  const found = text.indexOf(name)
  const start = found === -1 ? -1 : text.indexOf('"', found + name.length)
  if (start === -1) throw new Error(`an answer has no ${field}: ${text}`)
  return text.slice(start + 1, text.indexOf('"', start + 1))
}
