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
    const possible: { rule: Rule; fit: 'possible' | 'format' }[] = []
    for (const rule of this.#rules) {
      if (rule.methods && !rule.methods.has(upper)) continue
      const fit = fitOf(rule, path)
      if (fit === 'possible' || fit === 'format') possible.push({ rule, fit })
      if (fit !== 'certain') continue
      // A rule that names the whole path says what `/admin.json` is.
      const others = possible.filter(other => other.fit === 'possible' || rule.segments.length < path.segments.length)
      return others.every(other => isSame(other.rule, rule)) ? rule : undefined
    }
    return undefined
  }
}

/**
 * Whether a path is below the prefix of a rule. `format`: it is if the service takes `.json` at the end for the format of
 * the answer, as Rails does.
 */
function fitOf({ segments }: Rule, path: ReadPath): 'certain' | 'possible' | 'format' | 'none' {
  if (path.end === 'anywhere') return segments.length === 0 ? 'certain' : 'possible'
  let fit: 'certain' | 'possible' | 'format' = 'certain'
  for (const [index, wanted] of segments.entries()) {
    const segment = path.segments[index]
    if (!segment) return path.end === 'unclear' ? 'possible' : 'none'
    if (segment.folded !== wanted.folded) {
      const isLast = index === path.segments.length - 1 && index === segments.length - 1
      if (!isLast || !isFormatOf(wanted.folded, segment.folded)) return 'none'
      fit = fit === 'possible' ? 'possible' : 'format'
    } else if (segment.exact !== wanted.exact) fit = 'possible'
  }
  return fit
}

/** Whether a name is another one with an extension. */
function isFormatOf(name: string, text: string): boolean {
  return text.startsWith(`${name}.`) && /^[a-z0-9]{1,10}$/.test(text.slice(name.length + 1))
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
