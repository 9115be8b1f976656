import { type ComponentChildren, createContext } from 'preact'
import { useContext, useEffect, useId, useRef, useState } from 'preact/hooks'
import { describeFailure, type Failure, isOutage } from './failures.js'
import { Icon } from './icons.js'
import { usePage } from './page.js'

const NO_FAILURE: Failure = { fields: {} }
const FailureContext = createContext(NO_FAILURE)

export interface FormProps {
  /** The text of the button. */
  submit: string
  /** What the form does. What it throws is shown at the fields. */
  action(values: Values): Promise<unknown>
  children: ComponentChildren
  /** What the button Cancel does, if there is one. */
  onCancel?(): void
  /** While the form is sent, what leads away from it has to wait. */
  onBusy?(isBusy: boolean): void
}

/** What was typed, by the names of the fields; a checkbox is 'on' or missing. */
export type Values = Record<string, string | undefined>

/** A form that keeps what was typed, shows each error at its field, and puts the focus on the first wrong one. */
export function Form({ submit, action, children, onCancel, onBusy }: FormProps) {
  const { texts, passwordMinLength } = usePage()
  const form = useRef<HTMLFormElement>(null)
  const [isBusy, setBusy] = useState(false)
  const [failure, setFailure] = useState(NO_FAILURE)

  useEffect(() => {
    if (failure !== NO_FAILURE) form.current?.querySelector<HTMLElement>('[aria-invalid], [role=alert]')?.focus()
  }, [failure])

  async function send(event: Event) {
    event.preventDefault()
    if (isBusy) return
    const missing = requiredFields(form.current!).filter(field => field.value === '')
    if (missing.length > 0)
      return setFailure({ fields: Object.fromEntries(missing.map(({ name }) => [name, texts.required])) })
    busy(true)
    setFailure(NO_FAILURE)
    try {
      await action(Object.fromEntries(new FormData(form.current!)) as Values)
    } catch (error) {
      const found = placed(describeFailure(error, texts, { min: passwordMinLength }), form.current)
      setFailure(isOutage(error) ? { ...found, message: `${found.message} ${texts.kept}` } : found)
    }
    busy(false)
  }
  function busy(is: boolean) {
    setBusy(is)
    onBusy?.(is)
  }

  return (
    <form ref={form} onSubmit={send} noValidate>
      <FailureContext.Provider value={failure}>{children}</FailureContext.Provider>
      {failure.message && (
        <p role="alert" tabIndex={-1} class="failure">
          {failure.message}
        </p>
      )}
      <div class="buttons">
        {onCancel && <CancelButton isBusy={isBusy} onClick={onCancel} />}
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {submit}
        </button>
      </div>
    </form>
  )
}

/** It stands before the button that it is an alternative to, for the eyes and for the Tab key. */
export function CancelButton({ isBusy, onClick }: { isBusy: boolean; onClick(): void }) {
  const { texts } = usePage()
  return (
    <button type="button" aria-disabled={isBusy} onClick={() => isBusy || onClick()}>
      {texts.cancel}
    </button>
  )
}

function requiredFields(form: HTMLFormElement): HTMLInputElement[] {
  return [...form.elements].filter((field): field is HTMLInputElement => 'required' in field && Boolean(field.required))
}

/** What is wrong with a field that this form does not have is said below the form. */
function placed({ message, fields }: Failure, form: HTMLFormElement | null): Failure {
  const elsewhere = Object.keys(fields).filter(name => !form?.elements.namedItem(name))
  const [first = ''] = elsewhere
  const text = message ?? fields[first]
  return { fields, ...(text !== undefined && { message: text }) }
}

export interface FieldProps {
  name: string
  label: string
  autocomplete: string
  type?: 'text' | 'email' | 'password'
  hint?: string
  /** What the field begins with. */
  value?: string
  placeholder?: string
  maxLength?: number
  isOptional?: boolean
}

/** A field with its label, its hint and its error. A password can be shown. */
export function Field({ name, label, type = 'text', hint, value, isOptional = false, ...others }: FieldProps) {
  const { texts } = usePage()
  const id = useId()
  const error = useContext(FailureContext).fields[name]
  const [isShown, setShown] = useState(false)
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="input">
        <input
          id={id}
          name={name}
          type={(isShown ? 'text' : type) as 'text'}
          defaultValue={value}
          autocapitalize="none"
          spellcheck={false}
          required={!isOptional}
          {...(others as object)}
          aria-invalid={error ? true : undefined}
          aria-describedby={described || undefined}
        />
        {type === 'password' && (
          <button
            type="button"
            class="icon"
            aria-label={isShown ? texts.hide(label) : texts.show(label)}
            title={isShown ? texts.hide(label) : texts.show(label)}
            onClick={() => setShown(!isShown)}
          >
            <Icon name={isShown ? 'hide' : 'show'} />
          </button>
        )}
      </div>
      {error && (
        <p id={`${id}-error`} class="error">
          {error}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  )
}

/** A box to tick. */
export function Checkbox({ name, label, hint }: { name: string; label: string; hint: string }) {
  const id = useId()
  return (
    <div class="checkbox">
      <input id={id} name={name} type="checkbox" defaultChecked aria-describedby={`${id}-hint`} />
      <label for={id}>{label}</label>
      <p id={`${id}-hint`} class="hint">
        {hint}
      </p>
    </div>
  )
}
