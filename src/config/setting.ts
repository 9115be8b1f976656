import type { Kind } from './kind.js'

/** One variable of the environment: what it takes, what it means, and what it is when unset. */
export interface Setting {
  readonly kind: Kind<unknown>
  /** One or two sentences of Markdown for the documentation. */
  readonly about: string
  /** The value when unset, as an operator would write it. */
  readonly default?: string
  /** The same for the documentation only, where the value depends on something else. */
  readonly defaultText?: string
  /** What to give, if there is no start without it. */
  readonly required?: string
  /** Whether its value must never be shown, not even when it is wrong. */
  readonly secret?: boolean
}
