import { type Kind, type Setting, type SettingTree, settingsIn } from './setting.js'
import { browserSettings } from './settings/browser.js'
import { limitSettings } from './settings/limits.js'
import { processSettings } from './settings/process.js'
import { storeSettings } from './settings/stores.js'
import { tokenSettings } from './settings/tokens.js'

/** The single list of settings, in the order in which they are read, reported and documented. */
export const groups = [
  { title: 'The process', settings: processSettings },
  { title: 'Stores', settings: storeSettings },
  { title: 'Tokens and sessions', settings: tokenSettings },
  { title: 'Browsers and the network', settings: browserSettings },
  { title: 'Passwords and limits', settings: limitSettings },
] as const satisfies readonly { title: string; settings: SettingTree }[]

/** All settings by the fields of the configuration. */
export const settingTree = {
  ...processSettings,
  ...storeSettings,
  ...tokenSettings,
  ...browserSettings,
  ...limitSettings,
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

type Fields<Tree> = {
  readonly [Field in keyof Tree]: Tree[Field] extends Setting ? ValueOf<Tree[Field]> : Fields<Tree[Field]>
}

/** The value of each variable, by the fields of the configuration. */
export type GivenConfig = Fields<typeof settingTree>
