import { AuthError } from '@latchkey/client'
import { useState } from 'preact/hooks'
import { Dialog } from '../dialog.js'
import { FieldError } from '../failures.js'
import { Field, type Values } from '../form.js'
import { usePage } from '../page.js'
import { NewPasswordForm } from './new-password.js'

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
      <ChangePasswordForm
        email={email}
        onChanged={() => {
          onChanged()
          setDone(true)
        }}
        onCancel={() => setDone(true)}
      />
    </Dialog>
  )
}

interface ChangePasswordFormProps {
  email: string
  onChanged(): void
  onCancel(): void
}

export function ChangePasswordForm({ email, onChanged, onCancel }: ChangePasswordFormProps) {
  const { texts, client, announce } = usePage()
  async function change({ current_password: currentPassword = '', new_password: newPassword = '' }: Values) {
    await client.changePassword({ currentPassword, newPassword }).catch(error => {
      if (!(error instanceof AuthError && error.code === 'invalid_credentials')) throw error
      // The service names no field, because it does not say whether an account exists. Here the account is known.
      throw new FieldError('current_password', texts.wrongPassword)
    })
    announce(texts.passwordChanged)
    onChanged()
  }
  return (
    <NewPasswordForm username={email} action={change} onCancel={onCancel}>
      <Field name="current_password" label={texts.currentPassword} type="password" autocomplete="current-password" />
    </NewPasswordForm>
  )
}
