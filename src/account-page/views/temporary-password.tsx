import { Title } from '../elements.js'
import { Field, type Values } from '../form.js'
import { usePage } from '../page.js'
import { NewPasswordForm } from './new-password.js'

/** What was typed to sign in with a password that must be changed first. */
export interface TemporarySignIn {
  name: string
  password: string
  remember: boolean
}

/** A person with a temporary password chooses an own one, and is signed in by that. */
export function TemporaryPassword({ name, password, remember, onBack }: TemporarySignIn & { onBack(): void }) {
  const { texts, client, announce } = usePage()
  async function change({ email = name, new_password: newPassword = '' }: Values) {
    await client.changePassword({ email, currentPassword: password, newPassword, remember })
    announce(texts.passwordChanged)
  }
  return (
    <section class="card narrow">
      <Title>{texts.temporaryTitle}</Title>
      <p>{texts.temporaryText}</p>
      <NewPasswordForm username={name} action={change} onCancel={onBack}>
        {/* The service asks for the e-mail here. Who signed in with a username is asked for it. */}
        {!name.includes('@') && <Field name="email" label={texts.email} type="email" autocomplete="email" />}
      </NewPasswordForm>
    </section>
  )
}
