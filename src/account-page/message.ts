import type { SignedInUser } from '@latchkey/client'
import * as texts from './texts/en.js'

/** What a person reads in place of the page, until they go on. */
export interface Message {
  title: string
  text: string
}

let show: (message: Message) => void

/** @param listener is called with each message from now on */
export function onMessage(listener: typeof show): void {
  show = listener
}

/** Shows what happened, for as long as the person wants to read it. A notice would be gone before they have read their mail. */
export function showMessage(title: string, text: string): void {
  show({ title, text })
}

/** Says that the account is not deleted, if this sign-in has cancelled the deletion. */
export function sayIfKept(user: SignedInUser | undefined): void {
  if (user?.deletion_cancelled) showMessage(texts.yourAccount, texts.deletionCancelled)
}
