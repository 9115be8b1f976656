import { readFileSync } from 'node:fs'
import { codeOf } from '../lib/error-facts.js'
import { InvalidValue, isSetting, type Kind, type Setting, type SettingTree, settingsIn } from './setting.js'
import { accountPageSettings } from './settings/account-page.js'
import { clientSettings } from './settings/clients.js'
import { browserSettings } from './settings/cookies-and-origins.js'
import { deliverySettings } from './settings/deliveries.js'
import { letterSettings } from './settings/letters.js'
import { limitSettings } from './settings/passwords-and-limits.js'
import { processSettings } from './settings/process.js'
import { registrationSettings } from './settings/registration.js'
import { storeSettings } from './settings/stores.js'
import { tokenSettings } from './settings/tokens-and-sessions.js'

export interface Reading {
  /** An invalid setting is undefined here, despite its type: check `failed` first. */
  values: Values
  failed: ReadonlySet<SettingName>
  problems: readonly string[]
}

/**
 * Reads each setting separately and collects all errors.
 *
 * @param options.embedded ignores the settings of external stores
 * @param options.explained the variables whose errors are not reported, because another error explains them
 */
export function readSettings(
  env: NodeJS.ProcessEnv,
  { embedded, explained = [] }: { embedded: boolean; explained?: readonly string[] },
): Reading {
  const values: Partial<Record<SettingName, unknown>> = {}
  const failed = new Set<SettingName>()
  const problems: string[] = []
  const quoted: SettingName[] = []
  for (const [name, setting] of Object.entries(settings) as [SettingName, Setting][]) {
    const result = embedded && setting.externalOnly ? { value: undefined } : readSetting(env, setting)
    values[name] = result.value
    if (!(embedded && setting.externalOnly) && isQuoted(env, name) && !explained.includes(name)) quoted.push(name)
    if (result.problem === undefined) continue
    failed.add(name)
    if (!explained.includes(name) && !quoted.includes(name)) problems.push(result.problem)
  }
  // A secret that is valid with its quotation marks may be in use, so that alone is only a warning (warnings.ts).
  if (quoted.some(name => failed.has(name) || !settings[name].secret)) {
    for (const name of quoted) failed.add(name)
    problems.unshift(quotationMarks(quoted))
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

/** Reads one setting. The value is undefined if there is a problem, which is a sentence that names the variable. */
export function readSetting(env: NodeJS.ProcessEnv, setting: Setting): { value: unknown; problem?: string } {
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
  // A value with an @ could be an address with a password, set in the wrong variable.
  const shown =
    secret || value === '' || value.includes('@') ? '' : `; the value is ${JSON.stringify(value.slice(0, 80))}`
  return `${subject} ${invalid.message}${shown}.`
}

/** The text of a variable; undefined if it is unset or cannot be read. */
export type Variable = { text: string | undefined; problem?: string }

/**
 * Reads a variable, or the file that `NAME_FILE` names, without surrounding whitespace. Empty counts as unset, because
 * `NAME=` in an env file and a missing value in a Compose file both give an empty variable.
 */
export function readVariable(env: NodeJS.ProcessEnv, name: string): Variable {
  const text = env[name]?.trim() || undefined
  const file = env[`${name}_FILE`]?.trim() || undefined
  if (file === undefined) return { text }
  if (text !== undefined) return { text: undefined, problem: `${name} and ${name}_FILE are both set: keep one.` }

  try {
    const content = readFileSync(file, 'utf8').trim()
    if (content !== '') return { text: content }
    return {
      text: undefined,
      problem: `${name}_FILE names an empty file: write the value into the file, or unset the variable.`,
    }
  } catch (error) {
    return {
      text: undefined,
      problem: `${name}_FILE names a file that cannot be read (${codeOf(error)}): check the path and the permissions.`,
    }
  }
}

/** Whether a value begins and ends with the same quotation mark. */
export function isQuoted(env: NodeJS.ProcessEnv, name: string): boolean {
  const { text } = readVariable(env, name)
  return text !== undefined && unquoted(text) !== text
}

/** The text without the quotation marks around it. */
export function unquoted(text: string): string {
  return /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text
}

/** Shells and Compose remove quotation marks in an env file, but `docker run --env-file` does not. */
export function quotationMarks(names: readonly string[]): string {
  const [last, ...others] = names.toReversed()
  const subject = others.length === 0 ? `${last} is` : `${others.toReversed().join(', ')} and ${last} are`
  return `${subject} in quotation marks, which are a part of the value here: remove them (docker run --env-file keeps them).`
}

export function isSet(env: NodeJS.ProcessEnv, name: string): boolean {
  return Boolean(env[name]?.trim() || env[`${name}_FILE`]?.trim())
}

/** The single list of settings, in the order in which they are read, reported and documented. */
export const groups = [
  { title: 'The process', settings: processSettings },
  { title: 'Stores', settings: storeSettings },
  { title: 'Tokens and sessions', settings: tokenSettings },
  { title: 'Browsers and the network', settings: browserSettings },
  { title: 'Passwords and limits', settings: limitSettings },
  { title: 'The registration hook', settings: registrationSettings },
  { title: 'Clients', settings: clientSettings },
  { title: 'Deliveries of events', settings: deliverySettings },
  { title: 'Letters', settings: letterSettings },
  { title: 'The account page', settings: accountPageSettings },
] as const satisfies readonly { title: string; settings: SettingTree }[]

/** All settings by the fields of the configuration. */
const settingTree = {
  ...processSettings,
  ...storeSettings,
  ...tokenSettings,
  ...browserSettings,
  ...limitSettings,
  ...registrationSettings,
  ...clientSettings,
  ...accountPageSettings,
  ...deliverySettings,
  ...letterSettings,
} as const satisfies SettingTree

type Leaves<Tree> = Tree extends Setting ? Tree : { [Field in keyof Tree]: Leaves<Tree[Field]> }[keyof Tree]
type AnySetting = Leaves<typeof settingTree>

export type SettingName = AnySetting['variable']

/** All settings by the names of their variables. */
export const settings = Object.fromEntries(
  settingsIn(settingTree).map(setting => [setting.variable, setting]),
) as Readonly<Record<SettingName, Setting>>

type ValueOf<S extends Setting> =
  S['kind'] extends Kind<infer T> ? (S extends { default: string } | { required: string } ? T : T | undefined) : never

/** The value of each variable, by its name. */
export type Values = { readonly [S in AnySetting as S['variable']]: ValueOf<S> }

/** The values of a tree of settings, by its fields. */
export type Fields<Tree> = {
  readonly [Field in keyof Tree]: Tree[Field] extends Setting ? ValueOf<Tree[Field]> : Fields<Tree[Field]>
}

/** The value of each variable, by the fields of the configuration. */
export type GivenConfig = Fields<typeof settingTree>
