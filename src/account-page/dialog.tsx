import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Button } from './elements.js'
import { Failed } from './failed.js'
import { CancelButton } from './form.js'
import { useAction } from './use-action.js'

/** What a dialog of the account works with. */
export interface QuestionProps {
  email: string
  /** Reads the lists again. */
  onChanged(): void
  onClosed(): void
}

export interface DialogProps {
  title: string
  /** After it was closed, by Escape too. The browser has put the focus back by then. */
  onClosed(): void
  children(close: () => void): ComponentChildren
}

/** A modal dialog of the browser: it keeps the focus inside, Escape closes it, and the focus returns to the button. */
export function Dialog({ title, onClosed, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => dialog.current!.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={waitUntilDone} onClose={onClosed}>
      <h2 id={id}>{title}</h2>
      {children(() => dialog.current?.close())}
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
  /** What is done. If it throws, the dialog stays open and says why. */
  run(): Promise<unknown>
  onClosed(): void
}

/** Asks before something is done that cannot be taken back. The button that does it has the text of the title. */
export function Confirmation({ title, text, run, onClosed }: ConfirmationProps) {
  return (
    <Dialog title={title} onClosed={onClosed}>
      {close => (
        <>
          <p>{text}</p>
          <Decision action={title} run={() => run().then(close)} onCancel={close} />
        </>
      )}
    </Dialog>
  )
}

/** The two buttons of a question. The harmless one comes first, so it has the focus. */
export function Decision({ action, run, onCancel }: { action: string; run(): Promise<unknown>; onCancel(): void }) {
  const { isBusy, failure, run: decide } = useAction()
  return (
    <>
      <Failed failure={failure} />
      <div class="buttons">
        <CancelButton isBusy={isBusy} onClick={onCancel} />
        <Button class="danger" isBusy={isBusy} onClick={() => decide(run)}>
          {action}
        </Button>
      </div>
    </>
  )
}
