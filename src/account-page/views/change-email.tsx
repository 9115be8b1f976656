import { Dialog, type QuestionProps } from '../dialog.js'
import { emailField, Form, type Values, wrongPasswordAt } from '../form.js'
import { showMessage } from '../message.js'
import { request } from '../request.js'
import * as texts from '../texts/en.js'
import { currentPassword } from './new-password.js'

/** The dialog to change the e-mail address, which a link in a letter to the new one completes. */
export function ChangeEmail({ email, onClosed }: QuestionProps) {
  async function change(values: Values) {
    await request('POST', '/auth/email', values).catch(wrongPasswordAt('password'))
    showMessage(texts.letterTitle, texts.letterSent)
  }
  return (
    <Dialog title={texts.changeEmail} onClosed={onClosed}>
      {close => (
        <>
          <p>{texts.changeEmailText(email)}</p>
          <Form
            submit={texts.send}
            fields={[emailField('email', 'new_email', texts.newEmail), currentPassword('password')]}
            action={change}
            onCancel={close}
          />
        </>
      )}
    </Dialog>
  )
}
