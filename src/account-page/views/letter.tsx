import { Title } from '../elements.js'
import { hasCode } from '../failures.js'
import { Form } from '../form.js'
import type { Link } from '../links.js'
import { showMessage } from '../message.js'
import { client } from '../page.js'
import { request } from '../request.js'
import * as texts from '../texts/en.js'

const SECURED = `${texts.allSignedOut} ${texts.passwordLetter}`

/** What each link does, and what is said before and after. */
const KINDS = {
  verify: ['verify-email', texts.verifyTitle, texts.verifyText, texts.confirm, texts.verified],
  email: ['email/confirm', texts.emailTitle, texts.emailText, texts.confirm, texts.emailChanged],
  'not-me': ['not-me', texts.notMeTitle, texts.secureText, texts.notMe, SECURED],
} as const

/**
 * The page of a link in a letter: it says what the link does, and does it when the person presses the button. A program that
 * opens every link of a mail presses nothing.
 */
export function Letter({ link, onDone }: { link: Link; onDone(): void }) {
  const [path, title, text, submit, done] = KINDS[link.kind as keyof typeof KINDS]
  async function confirm() {
    const shown = await request('POST', `/auth/${path}`, { token: link.token }).then(
      () => done,
      error => {
        if (done !== SECURED || !hasCode(error, 'letters_not_sent')) throw error
        return `${texts.allSignedOut} ${texts.errors.letters_not_sent}`
      },
    )
    showMessage(title, shown)
    // What this page knows about the user is old.
    const insteadOf = client.user ? await client.getAccessToken() : undefined
    if (insteadOf) await client.getAccessToken({ insteadOf })
  }
  return (
    <section class="card narrow">
      <Title>{title}</Title>
      {/* The link in the letter to the old address undoes a change of the address too. */}
      {link.token.startsWith('lk_ue_') && <p>{texts.undoText}</p>}
      <p>{text}</p>
      <Form submit={submit} action={confirm} onCancel={onDone} />
    </section>
  )
}
