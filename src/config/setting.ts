/** One variable of the environment: what it takes, what it means, and what it is when unset. */
export interface Setting {
  readonly variable: string
  readonly kind: Kind<unknown>
  /** One or two sentences of Markdown for the documentation. */
  readonly description: string
  /** The value when unset, as an operator would write it. */
  readonly default?: string
  /** The same for the documentation only, where the value depends on something else. */
  readonly defaultText?: string
  /** What to give, if there is no start without it. */
  readonly required?: string
  /** Whether its value must never be shown, not even when it is wrong. */
  readonly secret?: boolean
  /** Whether the embedded mode ignores it, because that brings stores of its own. */
  readonly externalOnly?: boolean
}

/** Settings by the fields of the configuration that hold their values. */
export interface SettingTree {
  readonly [field: string]: Setting | SettingTree
}

/** All settings of a tree, in their order. */
export function settingsIn(tree: SettingTree): Setting[] {
  return Object.values(tree).flatMap(node => (isSetting(node) ? [node] : settingsIn(node)))
}

export function isSetting(node: Setting | SettingTree): node is Setting {
  return typeof node.variable === 'string'
}

/** A type of value: how to read it, and how to tell an operator what it takes. */
export interface Kind<T> {
  /** Reads the text of a variable, or the default. Throws a {@link InvalidValue} if it can't be this kind. */
  parse(text: string): T
  /** What is accepted, as the documentation says it: "a duration from 10s to 2h". */
  readonly accepts: string
}

/**
 * What is wrong with a value, and what to write instead: the end of a sentence that begins with the variable's name.
 * It never repeats the value, because the value may be a secret; the caller that reports it decides whether to show it.
 */
export class InvalidValue extends Error {
  /** Which entry of a list is at fault, counted from 1. */
  readonly entry: number | undefined
  /** That entry's text. */
  readonly text: string | undefined

  constructor(message: string, entry?: number, text?: string) {
    super(message)
    this.name = 'InvalidValue'
    this.entry = entry
    this.text = text
  }
}
