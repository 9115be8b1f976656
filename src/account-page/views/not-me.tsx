import { useEffect, useRef, useState } from 'preact/hooks'
import { Decision, Dialog } from '../dialog.js'
import { usePage } from '../page.js'
import { ChangePasswordForm } from './change-password.js'

/** "This wasn't me": first all other sessions end, then the person chooses a new password. */
export function NotMe({ email, onChanged, onClosed }: { email: string; onChanged(): void; onClosed(): void }) {
  const { texts, client } = usePage()
  const [step, setStep] = useState<'question' | 'password' | 'done'>('question')
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
  const close = () => setStep('done')
  return (
    <Dialog title={texts.notMeTitle} onClosed={onClosed} isDone={step === 'done'}>
      {step === 'password' ? (
        <>
          <p ref={done} tabIndex={-1}>
            {texts.notMeDone}
          </p>
          <ChangePasswordForm email={email} onChanged={onChanged} onDone={close} />
        </>
      ) : (
        <>
          <p>{texts.notMeText}</p>
          <Decision action={texts.notMeAction} run={endOthers} onCancel={close} />
        </>
      )}
    </Dialog>
  )
}
