import { useEffect } from 'preact/hooks'
import { Title } from '../elements.js'
import { Field, Form, type Values } from '../form.js'
import { usePage } from '../page.js'
import { keepResetToken } from '../reset-token.js'

/** The page of a link to reset the password. */
export function ResetPassword({ token, onDone }: { token: string; onDone(): void }) {
  const { texts, client, announce, passwordMinLength } = usePage()
  useEffect(() => keepResetToken(token), [token])
  async function reset({ new_password: newPassword = '' }: Values) {
    await client.resetPassword({ token, newPassword })
    announce(texts.passwordChanged)
    onDone()
  }
  return (
    <section class="card narrow">
      <Title>{texts.resetTitle}</Title>
      <p>{texts.resetText}</p>
      <Form
        submit={texts.setPassword}
        action={reset}
        others={
          <button type="button" onClick={onDone}>
            {texts.cancel}
          </button>
        }
      >
        <Field
          name="new_password"
          label={texts.newPassword}
          type="password"
          autocomplete="new-password"
          hint={texts.passwordHint(passwordMinLength)}
        />
      </Form>
    </section>
  )
}
