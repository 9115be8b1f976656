import { AuthError } from '@latchkey/client'
import { useState } from 'preact/hooks'
import { Dialog } from '../dialog.js'
import { FieldError } from '../failures.js'
import { Field, Form, type Values } from '../form.js'
import { usePage } from '../page.js'

interface ChangePasswordProps {
  email: string
  onChanged(): void
  onClosed(): void
}

/** The dialog to change the password. */
export function ChangePassword({ email, onChanged, onClosed }: ChangePasswordProps) {
  const { texts } = usePage()
  const [isDone, setDone] = useState(false)
  return (
    <Dialog title={texts.changePassword} onClosed={onClosed} isDone={isDone}>
      <p>{texts.changePasswordText}</p>
      <ChangePasswordForm email={email} onChanged={onChanged} onDone={() => setDone(true)} />
    </Dialog>
  )
}

/** @param onDone called when the password is changed, and when the person gives up */
export function ChangePasswordForm({ email, onChanged, onDone }: { email: string; onChanged(): void; onDone(): void }) {
  const { texts, client, announce, passwordMinLength } = usePage()
  async function change({ current_password: currentPassword = '', new_password: newPassword = '' }: Values) {
    await client.changePassword({ currentPassword, newPassword }).catch(error => {
      if (!(error instanceof AuthError && error.code === 'invalid_credentials')) throw error
      // The service names no field, because it does not say whether an account exists. Here the account is known.
      throw new FieldError('current_password', texts.wrongPassword)
    })
    announce(texts.passwordChanged)
    onChanged()
    onDone()
  }
  return (
    <Form
      submit={texts.setPassword}
      action={change}
      others={
        <button type="button" onClick={onDone}>
          {texts.cancel}
        </button>
      }
    >
      {/* For the password manager of the browser. */}
      <input type="hidden" name="username" value={email} autocomplete="username" />
      <Field name="current_password" label={texts.currentPassword} type="password" autocomplete="current-password" />
      <Field
        name="new_password"
        label={texts.newPassword}
        type="password"
        autocomplete="new-password"
        hint={texts.passwordHint(passwordMinLength)}
      />
    </Form>
  )
}
