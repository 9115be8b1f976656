import { Title } from '../elements.js'
import { Field, Form, type Values } from '../form.js'
import { usePage } from '../page.js'

/** What was typed to sign in with a password that must be changed first. */
export interface TemporarySignIn {
  name: string
  password: string
  remember: boolean
}

/** A person with a temporary password chooses an own one, and is signed in by that. */
export function TemporaryPassword({ name, password, remember, onBack }: TemporarySignIn & { onBack(): void }) {
  const { texts, client, announce, passwordMinLength } = usePage()
  // The service asks for the e-mail here. Who signed in with a username is asked for it.
  const isEmail = name.includes('@')
  async function change({ email = name, new_password: newPassword = '' }: Values) {
    await client.changePassword({ email, currentPassword: password, newPassword, remember })
    announce(texts.passwordChanged)
  }
  return (
    <section class="card narrow">
      <Title>{texts.temporaryTitle}</Title>
      <p>{texts.temporaryText}</p>
      <Form
        submit={texts.setPassword}
        action={change}
        others={
          <button type="button" onClick={onBack}>
            {texts.cancel}
          </button>
        }
      >
        {isEmail ? (
          <input type="hidden" name="email" value={name} autocomplete="username" />
        ) : (
          <Field name="email" label={texts.email} type="email" autocomplete="email" />
        )}
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
