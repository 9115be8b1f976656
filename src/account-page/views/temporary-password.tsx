import { announce, Title } from '../elements.js'
import { emailField, type Values } from '../form.js'
import { sayIfKept } from '../message.js'
import { client } from '../page.js'
import * as texts from '../texts/en.js'
import { NewPasswordForm } from './new-password.js'

/** What was typed to sign in with a password that must be changed first. */
export interface TemporarySignIn {
  name: string
  password: string
  remember: boolean
}

/** A person with a temporary password chooses an own one, and is signed in by that. */
export function TemporaryPassword({ name, password, remember, onBack }: TemporarySignIn & { onBack(): void }) {
  async function change({ email = name, new_password: newPassword = '' }: Values) {
    const user = await client.changePassword({ email, currentPassword: password, newPassword, remember })
    announce(`${texts.passwordChanged} ${texts.othersEnded}`)
    sayIfKept(user)
  }
  return (
    <section class="card narrow">
      <Title>{texts.temporaryTitle}</Title>
      <p>{texts.temporaryText}</p>
      {/* The service asks for the e-mail here. Who signed in with a username is asked for it. */}
      <NewPasswordForm
        username={name}
        before={name.includes('@') ? [] : [emailField('email')]}
        action={change}
        onCancel={onBack}
      />
    </section>
  )
}
