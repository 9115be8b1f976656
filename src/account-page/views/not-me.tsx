import { useEffect, useRef, useState } from 'preact/hooks'
import { Decision, Dialog } from '../dialog.js'
import { usePage } from '../page.js'
import { ChangePasswordForm } from './change-password.js'

interface NotMeProps {
  email: string
  onChanged(): void
  onClosed(): void
}

/** "This wasn't me": first all other sessions end, then the person chooses a new password. */
export function NotMe({ email, onChanged, onClosed }: NotMeProps) {
  const { texts, client, announce } = usePage()
  const [step, setStep] = useState<'question' | 'password'>('question')
  const [end, setEnd] = useState<'changed' | 'cancelled'>()
  const done = useRef<HTMLParagraphElement>(null)
  // The button that had the focus is gone.
  useEffect(() => {
    if (step === 'password') done.current?.focus()
  }, [step])
  async function endOthers() {
    await client.sessions.revokeOthers()
    onChanged()
    setStep('password')
  }
  function changed() {
    onChanged()
    setEnd('changed')
  }
  function closed() {
    if (step === 'password' && end !== 'changed') announce(texts.notMeStopped)
    onClosed()
  }
  const cancel = () => setEnd('cancelled')
  return (
    <Dialog title={texts.notMeTitle} onClosed={closed} isDone={end !== undefined}>
      {step === 'password' ? (
        <>
          <p ref={done} tabIndex={-1}>
            {texts.notMeDone}
          </p>
          <ChangePasswordForm email={email} onChanged={changed} onCancel={cancel} />
        </>
      ) : (
        <>
          <p>{texts.notMeText}</p>
          <Decision action={texts.notMeAction} run={endOthers} onCancel={cancel} />
        </>
      )}
    </Dialog>
  )
}
