import type { AuthClient } from '@latchkey/client'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Texts } from './texts/en.js'

/** What every part of the page works with. */
export interface PageContext {
  texts: Texts
  client: AuthClient
  /** REGISTRATION: whether people can create accounts themselves, and whether a letter comes first. */
  registration: 'open' | 'verified' | 'closed'
  /** Whether people can ask for letters here. */
  hasLetters: boolean
  /** What the paths of the service begin with. */
  base: string
  /** PASSWORD_MIN_LENGTH. */
  passwordMinLength: number
  /** Says what happened, to eyes and to a screen reader. */
  announce(text: string): void
}

const Context = createContext<PageContext | undefined>(undefined)

export const PageProvider = Context.Provider

export function usePage(): PageContext {
  return useContext(Context)!
}
