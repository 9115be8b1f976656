import type { ComponentChildren } from 'preact'
import { Field, Form, type FormProps } from '../form.js'
import { usePage } from '../page.js'

/** A field for a password that is chosen now. */
export function NewPassword({ name, label }: { name: string; label: string }) {
  const { texts, passwordMinLength } = usePage()
  return (
    <Field
      name={name}
      label={label}
      type="password"
      autocomplete="new-password"
      hint={texts.passwordHint(passwordMinLength)}
    />
  )
}

interface NewPasswordFormProps extends Pick<FormProps, 'action' | 'onCancel'> {
  /** Whose password it is, if the page knows that. */
  username: string | undefined
  /** What comes before the new password. */
  children?: ComponentChildren
}

/** The form for a new password (`new_password`). */
export function NewPasswordForm({ username, children, ...form }: NewPasswordFormProps) {
  const { texts } = usePage()
  return (
    <Form submit={texts.setPassword} {...form}>
      {/* The password manager of the browser saves the password under this name. It does not read the type "hidden". */}
      {username && <input type="text" name="username" value={username} autocomplete="username" readOnly hidden />}
      {children}
      <NewPassword name="new_password" label={texts.newPassword} />
    </Form>
  )
}
