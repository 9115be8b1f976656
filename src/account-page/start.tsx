import { createAuthClient } from '@latchkey/client'
import { render } from 'preact'
import { App } from './app.js'
import { takeResetLink } from './reset-link.js'
import type { Texts } from './texts/en.js'

/** Draws the page into its document, whose attributes say what the settings of the service are. */
export function start(texts: Texts): void {
  const resetLink = takeResetLink()
  const root = document.getElementById('page')!
  const { base = '', registration, passwordMinLength } = root.dataset
  const settings = { canRegister: registration === 'open', passwordMinLength: Number(passwordMinLength) }
  const client = createAuthClient({ baseUrl: base })
  root.replaceChildren()
  render(<App texts={texts} client={client} settings={settings} resetLink={resetLink} />, root)
}
