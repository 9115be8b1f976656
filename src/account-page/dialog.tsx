import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Failed } from './failed.js'
import { CancelButton } from './form.js'
import { useAction } from './use-action.js'

export interface DialogProps {
  title: string
  /** After it was closed, by Escape too. The browser has put the focus back by then. */
  onClosed(): void
  /** Changes if the dialog has to close. */
  isDone?: boolean
  children: ComponentChildren
}

/** A modal dialog of the browser: it keeps the focus inside, Escape closes it, and the focus returns to the button. */
export function Dialog({ title, onClosed, isDone = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    if (isDone) dialog.current?.close()
    else if (!dialog.current?.open) dialog.current?.showModal()
  }, [isDone])
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={waitUntilDone} onClose={onClosed}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

/** Escape must not hide what is on its way: it would take effect all the same. */
function waitUntilDone(event: Event): void {
  if ((event.currentTarget as Element).querySelector('[aria-disabled=true]')) event.preventDefault()
}

export interface ConfirmationProps {
  title: string
  text: string
  /** The text of the button that does it. */
  action: string
  /** What is done. If it throws, the dialog stays open and says why. */
  run(): Promise<unknown>
  onClosed(): void
}

/** Asks before something is done that cannot be taken back. */
export function Confirmation({ title, text, action, run, onClosed }: ConfirmationProps) {
  const [isDone, setDone] = useState(false)
  return (
    <Dialog title={title} onClosed={onClosed} isDone={isDone}>
      <p>{text}</p>
      <Decision action={action} run={() => run().then(() => setDone(true))} onCancel={() => setDone(true)} />
    </Dialog>
  )
}

/** The two buttons of a question. The harmless one comes first, so it has the focus. */
export function Decision({ action, run, onCancel }: { action: string; run(): Promise<unknown>; onCancel(): void }) {
  const decision = useAction()
  return (
    <>
      <Failed failure={decision.failure} />
      <div class="buttons">
        <CancelButton isBusy={decision.isBusy} onClick={onCancel} />
        <button type="button" class="danger" aria-disabled={decision.isBusy} onClick={() => decision.run(run)}>
          {action}
        </button>
      </div>
    </>
  )
}
