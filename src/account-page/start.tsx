import { createAuthClient } from '@latchkey/client'
import { render } from 'preact'
import { App } from './app.js'
import { takeLetterLink } from './letter-link.js'
import type { PageContext } from './page.js'
import { takeResetLink } from './reset-link.js'
import type { Texts } from './texts/en.js'

/** Draws the page into its document, whose attributes say what the settings of the service are. */
export function start(texts: Texts): void {
  const resetLink = takeResetLink()
  const letterLink = takeLetterLink()
  const root = document.getElementById('page')!
  const { base = '', registration, passwordMinLength, letters } = root.dataset
  const settings = {
    ...{ base, registration: registration as PageContext['registration'] },
    ...{ hasLetters: letters === 'true', passwordMinLength: Number(passwordMinLength) },
  }
  const client = createAuthClient({ baseUrl: base })
  root.replaceChildren()
  render(<App texts={texts} client={client} settings={settings} resetLink={resetLink} letterLink={letterLink} />, root)
}
