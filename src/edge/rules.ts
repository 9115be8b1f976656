import { type ReadPath, readPath, type Segment } from './read-path.js'

/** What a request needs. */
export interface Requirement {
  readonly access: 'public' | 'signed in'
  /** The user must have one of them; empty: none is needed. */
  readonly roles: readonly string[]
  /** How long ago the user signed in at most. */
  readonly recentAuthSeconds: number | undefined
  /** Whether CORS preflights pass without a token. */
  readonly preflights: boolean
}

export interface Rule extends Requirement {
  readonly segments: readonly Segment[]
  /** The methods it is for; undefined: for all. */
  readonly methods: ReadonlySet<string> | undefined
}

/** What every request needs for which no rule is given. */
export const SIGNED_IN: Rule = {
  access: 'signed in',
  roles: [],
  recentAuthSeconds: undefined,
  preflights: false,
  segments: [],
  methods: undefined,
}

/** The rules by route. The longest prefix wins, and of two with the same prefix the one that names the method. */
export class Rules {
  readonly #rules: readonly Rule[]

  constructor(rules: readonly Rule[]) {
    const byLength = [...rules].sort(
      (a, b) =>
        b.segments.length - a.segments.length || Number(a.methods === undefined) - Number(b.methods === undefined),
    )
    this.#rules = [...byLength, SIGNED_IN]
  }

  /**
   * The requirement for a request. Undefined if its path can be read in several ways that need different things.
   *
   * @param target the path of the client's request, with or without a query
   */
  find(method: string, target: string): Requirement | undefined {
    const path = readPath(target)
    const upper = method.toUpperCase()
    const possible: Rule[] = []
    for (const rule of this.#rules) {
      if (rule.methods && !rule.methods.has(upper)) continue
      const fit = fitOf(rule, path)
      if (fit === 'possible') possible.push(rule)
      if (fit === 'certain') return possible.every(other => isSame(other, rule)) ? rule : undefined
    }
    return undefined
  }
}

/** Whether a path is below the prefix of a rule. */
function fitOf({ segments }: Rule, path: ReadPath): 'certain' | 'possible' | 'none' {
  if (path.end === 'anywhere') return segments.length === 0 ? 'certain' : 'possible'
  let fit: 'certain' | 'possible' = 'certain'
  for (const [index, wanted] of segments.entries()) {
    const segment = path.segments[index]
    if (!segment) return path.end === 'unclear' ? 'possible' : 'none'
    if (segment.folded !== wanted.folded) return 'none'
    if (segment.exact !== wanted.exact) fit = 'possible'
  }
  return fit
}

function isSame(a: Requirement, b: Requirement): boolean {
  return (
    a.access === b.access &&
    a.recentAuthSeconds === b.recentAuthSeconds &&
    a.preflights === b.preflights &&
    a.roles.length === b.roles.length &&
    a.roles.every(role => b.roles.includes(role))
  )
}
