import { type ComponentChildren, toChildArray } from 'preact'
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
export function Facts({ id, children }: { id?: string; children: ComponentChildren }) {
  return (
    <p id={id} class="hint facts">
      {toChildArray(children).map((fact, i) => (
        <span key={i}>{fact}</span>
      ))}
    </p>
  )
}

const NOTICE_MS = 8000
const READING_MS_PER_CHARACTER = 100

/** The last thing that happened, above the page, so that nothing moves. */
export function Notice({ text, count }: { text: string; count: number }) {
  const [hidden, setHidden] = useState(0)
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
