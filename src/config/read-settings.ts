import { readFileSync } from 'node:fs'
import { InvalidValue, isSetting, type Setting, type SettingTree } from './setting.js'
import { type GivenConfig, type SettingName, settings, settingTree, type Values } from './settings.js'

export interface Reading {
  /** A setting that failed is undefined here, whatever its type says: ask `failed` first. */
  values: Values
  failed: ReadonlySet<SettingName>
  problems: readonly string[]
}

/**
 * Reads every setting on its own and collects all mistakes.
 *
 * @param options.embedded takes settings for external stores as unset, whatever the environment holds
 */
export function readSettings(env: NodeJS.ProcessEnv, { embedded }: { embedded: boolean }): Reading {
  const values: Partial<Record<SettingName, unknown>> = {}
  const failed = new Set<SettingName>()
  const problems: string[] = []
  for (const [name, setting] of Object.entries(settings) as [SettingName, Setting][]) {
    const result = embedded && setting.externalOnly ? { value: undefined } : readSetting(env, setting)
    values[name] = result.value
    if (result.problem === undefined) continue
    failed.add(name)
    problems.push(result.problem)
  }
  return { values: values as Values, failed, problems }
}

/** Puts the values into the fields of the configuration. */
export function toFields(values: Values): GivenConfig {
  return fill(settingTree, values) as unknown as GivenConfig
}

function fill(tree: SettingTree, values: Values): Record<string, unknown> {
  const fields = Object.entries(tree).map(([field, node]) => [
    field,
    isSetting(node) ? values[node.variable as SettingName] : fill(node, values),
  ])
  return Object.fromEntries(fields)
}

function readSetting(env: NodeJS.ProcessEnv, setting: Setting): { value: unknown; problem?: string } {
  const { variable: name } = setting
  const { text = setting.default, problem } = readVariable(env, name)
  if (problem !== undefined) return { value: undefined, problem }
  if (text === undefined) {
    return setting.required === undefined
      ? { value: undefined }
      : { value: undefined, problem: `${name} is not set: ${setting.required}.` }
  }
  try {
    return { value: setting.kind.parse(text) }
  } catch (error) {
    if (error instanceof InvalidValue) return { value: undefined, problem: describe(setting, text, error) }
    throw error
  }
}

function describe({ variable: name, secret }: Setting, text: string, invalid: InvalidValue): string {
  const subject = invalid.entry === undefined ? name : `${name}, entry ${invalid.entry},`
  const value = invalid.text ?? text
  // Whatever has an @ may be an address with a password in it that went into the wrong variable.
  const shown = secret || value === '' || value.includes('@') ? '' : `; it is ${JSON.stringify(value.slice(0, 80))}`
  return `${subject} ${invalid.message}${shown}.`
}

/** The text of a variable; undefined if it is unset or can't be read. */
export type Variable = { text: string | undefined; problem?: string }

/**
 * Reads a variable, or the file that `NAME_FILE` names, without the space around it. Empty counts as unset, because
 * that is what `NAME=` in an env file or an absent value in a Compose file comes to.
 */
export function readVariable(env: NodeJS.ProcessEnv, name: string): Variable {
  const text = env[name]?.trim() || undefined
  const file = env[`${name}_FILE`]?.trim() || undefined
  if (file === undefined) return { text }
  if (text !== undefined) return { text: undefined, problem: `${name} and ${name}_FILE are both set: keep one.` }

  try {
    const content = readFileSync(file, 'utf8').trim()
    if (content !== '') return { text: content }
    return { text: undefined, problem: `${name}_FILE names an empty file: put the value into it, or unset it.` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return {
      text: undefined,
      problem: `${name}_FILE names a file that can't be read (${code}): check path and rights.`,
    }
  }
}

export function isSet(env: NodeJS.ProcessEnv, name: string): boolean {
  return Boolean(env[name]?.trim() || env[`${name}_FILE`]?.trim())
}
