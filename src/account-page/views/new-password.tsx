import { type FieldProps, Form, type FormProps } from '../form.js'
import { passwordMinLength } from '../page.js'
import * as texts from '../texts/en.js'

/** A field for a password that is chosen now. */
export function newPassword(name: string, label: string): FieldProps {
  return { name, label, type: 'password', autocomplete: 'new-password', hint: texts.passwordHint(passwordMinLength) }
}

/** A field for the password of the signed-in person. */
export function currentPassword(name: string): FieldProps {
  return { name, label: texts.currentPassword, type: 'password', autocomplete: 'current-password' }
}

interface NewPasswordFormProps extends Pick<FormProps, 'action' | 'username' | 'onCancel'> {
  /** What comes before the new password. */
  before?: readonly FieldProps[]
}

/** The form for a new password (`new_password`). */
export function NewPasswordForm({ before = [], ...form }: NewPasswordFormProps) {
  return (
    <Form submit={texts.setPassword} fields={[...before, newPassword('new_password', texts.newPassword)]} {...form} />
  )
}
