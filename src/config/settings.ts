import type { Kind, Setting } from './setting.js'
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
] as const satisfies readonly { title: string; settings: Record<string, Setting> }[]

export const settings = {
  ...processSettings,
  ...storeSettings,
  ...tokenSettings,
  ...browserSettings,
  ...limitSettings,
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings

type ValueOf<S extends Setting> =
  S['kind'] extends Kind<infer T> ? (S extends { default: string } | { required: string } ? T : T | undefined) : never

/** What each setting was read into. */
export type Values = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> }
