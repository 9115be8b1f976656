import { useEffect, useState } from 'preact/hooks'
import { announce, Button, Title } from '../elements.js'
import { Failed } from '../failed.js'
import { hasCode } from '../failures.js'
import type { Values } from '../form.js'
import type { Link } from '../links.js'
import { sayIfKept } from '../message.js'
import { client } from '../page.js'
import * as texts from '../texts/en.js'
import { NewPasswordForm } from './new-password.js'

/** The page of a link to reset the password. */
export function ResetPassword({ link: { token, email }, onDone }: { link: Link; onDone(): void }) {
  const [isChecked, setChecked] = useState(false)
  const [refusal, setRefusal] = useState<unknown>()

  const reset = (newPassword: string) =>
    client.resetPassword({ token, newPassword }).catch(error => {
      if (!hasCode(error, 'reset_token_invalid')) throw error
      setRefusal(error)
      return undefined
    })
  async function save({ new_password: newPassword = '' }: Values) {
    const user = await reset(newPassword)
    if (!user) return
    announce(`${texts.passwordChanged} ${texts.othersEnded}`)
    onDone()
    sayIfKept(user)
  }
  useEffect(() => {
    // The service checks the token before the password, and a password that it refuses does not use up the token. So a
    // blank one, which it always refuses, finds an old link before the person has chosen a password.
    const show = () => setChecked(true)
    reset(' ').then(show, show)
  }, [])

  if (!isChecked) return <p class="loading">{texts.loading}</p>
  return (
    <section class="card narrow">
      <Title key={String(Boolean(refusal))}>{texts.resetTitle}</Title>
      {refusal ? (
        <>
          <Failed failure={refusal} />
          <Button class="primary" onClick={onDone}>
            {texts.goOn}
          </Button>
        </>
      ) : (
        <>
          <p>{texts.resetText}</p>
          <NewPasswordForm username={email} action={save} onCancel={onDone} />
        </>
      )}
    </section>
  )
}
