import type { ButtonHTMLAttributes, ComponentChild } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

/** Whether a view has been shown: the first one does not take the focus, which is where the browser put it. */
let isFirst = true

/** The name of the application, which the document has in its title. */
const APPLICATION = document.title.replace(/^.*? – /, '')

/** The heading of a view, and the title of the tab. A view that replaces another one has the focus here, so that a screen reader begins here. */
export function Title({ children }: { children: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (!isFirst) heading.current?.focus()
    isFirst = false
  }, [])
  useEffect(() => {
    document.title = `${children} – ${APPLICATION}`
  }, [children])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  )
}

/** Facts on a line with dots between them; no line begins or ends with a dot. */
export function Facts({ id, facts }: { id?: string; facts: ComponentChild[] }) {
  return (
    <p id={id} class="hint facts">
      {facts.filter(Boolean).map((fact, i) => (
        <span key={i}>{fact}</span>
      ))}
    </p>
  )
}

/** A button that does nothing while what it did is on its way. It keeps the focus, which a disabled one would lose. */
export function Button({ isBusy, onClick, ...others }: ButtonProps) {
  return <button type="button" {...others} aria-disabled={isBusy} onClick={() => isBusy || onClick()} />
}

export interface ButtonProps extends Omit<ButtonHTMLAttributes, 'onClick'> {
  isBusy?: boolean
  onClick(): void
}

const NOTICE_MS = 8000
const READING_MS_PER_CHARACTER = 100

let notify: (text: string) => void

/** Says what happened, to eyes and to a screen reader. */
export function announce(text: string): void {
  notify(text)
}

/** The last thing that happened, above the page, so that nothing moves. */
export function Notice() {
  const [{ text, count }, setNotice] = useState({ text: '', count: 0 })
  const [hidden, setHidden] = useState(0)
  notify = text => setNotice(({ count }) => ({ text, count: count + 1 }))
  useEffect(() => {
    const timer = setTimeout(setHidden, Math.max(NOTICE_MS, text.length * READING_MS_PER_CHARACTER), count)
    return () => clearTimeout(timer)
  }, [count])
  return (
    <div role="status" class="notice">
      {text !== '' && hidden !== count && <p key={count}>{text}</p>}
    </div>
  )
}
