import { Dialog, type QuestionProps } from '../dialog.js'
import { announce } from '../elements.js'
import { type Values, wrongPasswordAt } from '../form.js'
import { client } from '../page.js'
import * as texts from '../texts/en.js'
import { currentPassword, NewPasswordForm } from './new-password.js'

/** The dialog to change the password. */
export function ChangePassword({ email, onChanged, onClosed }: QuestionProps) {
  return (
    <Dialog title={texts.changePassword} onClosed={onClosed}>
      {close => (
        <>
          <p>{texts.changePasswordText}</p>
          <ChangePasswordForm
            email={email}
            onChanged={() => {
              onChanged()
              close()
            }}
            onCancel={close}
          />
        </>
      )}
    </Dialog>
  )
}

interface ChangePasswordFormProps {
  email: string
  onChanged(): void
  onCancel(): void
}

export function ChangePasswordForm({ email, onChanged, onCancel }: ChangePasswordFormProps) {
  async function change({ current_password: old = '', new_password: newPassword = '' }: Values) {
    await client.changePassword({ currentPassword: old, newPassword }).catch(wrongPasswordAt('current_password'))
    announce(`${texts.passwordChanged} ${texts.othersEnded}`)
    onChanged()
  }
  return (
    <NewPasswordForm
      username={email}
      before={[currentPassword('current_password')]}
      action={change}
      onCancel={onCancel}
    />
  )
}
