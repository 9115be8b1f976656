import { Title } from '../elements.js'
import { Form } from '../form.js'
import type { LetterLink } from '../letter-link.js'
import { usePage } from '../page.js'
import { post } from '../post.js'

/**
 * The page of a link in a letter: it says what the link does, and does it when the person presses the button. A program that
 * opens every link of a mail presses nothing.
 */
export function Letter({ link, onDone }: { link: LetterLink; onDone(): void }) {
  const { texts, base, announce } = usePage()
  const { kind, token } = link
  const { path, title, text, done } = {
    verify: { path: 'verify-email', title: texts.verifyTitle, text: texts.verifyText, done: texts.verified },
    email: { path: 'email/confirm', title: texts.emailTitle, text: texts.emailText, done: texts.emailChanged },
    'not-me': { path: 'not-me', title: texts.notMeTitle, text: texts.secureText, done: texts.secured },
  }[kind]
  async function confirm() {
    await post(`${base}/auth/${path}`, { token })
    announce(done)
    onDone()
  }
  return (
    <section class="card narrow">
      <Title>{title}</Title>
      <p>{text}</p>
      <Form submit={kind === 'not-me' ? texts.notMe : texts.confirm} action={confirm} onCancel={onDone}>
        {null}
      </Form>
    </section>
  )
}
