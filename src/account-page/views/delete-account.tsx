import { Dialog, type QuestionProps } from '../dialog.js'
import { Form, type Values, wrongPasswordAt } from '../form.js'
import { showMessage } from '../message.js'
import { client, deletionDelaySeconds } from '../page.js'
import { request } from '../request.js'
import * as texts from '../texts/en.js'
import { dateWords, durationWords } from '../words.js'
import { currentPassword } from './new-password.js'

/** The dialog to delete the account. */
export function DeleteAccount({ email, onClosed }: QuestionProps) {
  const isDelayed = deletionDelaySeconds > 0
  async function remove({ current_password }: Values) {
    const answer = await request('DELETE', '/auth/profile', { current_password }).catch(
      wrongPasswordAt('current_password'),
    )
    const { delete_at: at } = (await answer.json()) as { delete_at: string }
    showMessage(texts.deleteAccount, isDelayed ? texts.deletionPlanned(dateWords(at)) : texts.deleted)
    // The session has ended: now this page and the other tabs know it too.
    await client.logout()
  }
  return (
    <Dialog title={texts.deleteAccount} onClosed={onClosed}>
      {close => (
        <>
          <p>{isDelayed ? texts.deleteText(durationWords(deletionDelaySeconds)) : texts.deleteNowText}</p>
          <Form
            submit={texts.deleteAccount}
            username={email}
            fields={[currentPassword('current_password')]}
            action={remove}
            isDanger
            onCancel={close}
          />
        </>
      )}
    </Dialog>
  )
}
