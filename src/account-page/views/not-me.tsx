import { useEffect, useRef, useState } from 'preact/hooks'
import { Decision, Dialog, type QuestionProps } from '../dialog.js'
import { announce } from '../elements.js'
import { client } from '../page.js'
import * as texts from '../texts/en.js'
import { ChangePasswordForm } from './change-password.js'

/** "This wasn't me": first all other sessions end, then the person chooses a new password. */
export function NotMe({ email, onChanged, onClosed }: QuestionProps) {
  const [haveOthersEnded, setOthersEnded] = useState(false)
  const isChanged = useRef(false)
  const done = useRef<HTMLParagraphElement>(null)
  // The button that had the focus is gone.
  useEffect(() => done.current?.focus(), [haveOthersEnded])
  async function endOthers() {
    await client.sessions.revokeOthers()
    onChanged()
    setOthersEnded(true)
  }
  function closed() {
    if (haveOthersEnded && !isChanged.current) announce(`${texts.othersEnded} ${texts.notMeStopped}`)
    onClosed()
  }
  return (
    <Dialog title={texts.notMeTitle} onClosed={closed}>
      {close =>
        haveOthersEnded ? (
          <>
            <p ref={done} tabIndex={-1}>
              {texts.othersEnded} {texts.notMeDone}
            </p>
            <ChangePasswordForm
              email={email}
              onChanged={() => {
                isChanged.current = true
                onChanged()
                close()
              }}
              onCancel={close}
            />
          </>
        ) : (
          <>
            <p>{texts.notMeText}</p>
            <Decision action={texts.endOthers} run={endOthers} onCancel={close} />
          </>
        )
      }
    </Dialog>
  )
}
