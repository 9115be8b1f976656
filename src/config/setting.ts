/** An environment variable: its values, its meaning and its default. */
export interface Setting {
  readonly variable: string
  readonly kind: Kind<unknown>
  /** One or two sentences of Markdown for the documentation. */
  readonly description: string
  /** The default, as it would be written in the environment. */
  readonly default?: string
  /** For a default that depends on something else: its description in the documentation. */
  readonly defaultText?: string
  /** If the variable is required: what to set it to. */
  readonly required?: string
  /** Whether messages must not show the value, even if it is invalid. */
  readonly secret?: boolean
  /** Whether the embedded mode ignores it, because that mode has its own stores. */
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

/** A type of value: how it is read, and how messages and documentation describe it. */
export interface Kind<T> {
  /** Reads the text of a variable, or the default. Throws an {@link InvalidValue} if it is not of this kind. */
  parse(text: string): T
  /** The accepted values in words: "a duration from 10s to 2h". */
  readonly accepts: string
}

/**
 * Why a value is invalid and what to write instead, as the end of a sentence that begins with the variable's name. It
 * never contains the value, which could be a secret; the caller that reports it decides whether to show the value.
 */
export class InvalidValue extends Error {
  /** The number of the invalid entry in a list, from 1. */
  readonly entry: number | undefined
  /** The text of that entry. */
  readonly text: string | undefined

  constructor(message: string, entry?: number, text?: string) {
    super(message)
    this.name = 'InvalidValue'
    this.entry = entry
    this.text = text
  }
}
