import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Button } from './elements.js'
import { describeFailure, type Failure, FieldError, hasCode, isOutage } from './failures.js'
import { Icon } from './icons.js'
import * as texts from './texts/en.js'

const NO_FAILURE: Failure = { fields: {} }

export interface FormProps {
  /** The text of the button. */
  submit: string
  /** What the form does. What it throws is shown at the fields. */
  action(values: Values): Promise<unknown>
  fields?: readonly FieldProps[]
  /** Whose password a field is for, if the page knows that. */
  username?: string | undefined
  /** What comes after the fields. */
  children?: ComponentChildren
  /** Whether what the form does cannot be taken back. */
  isDanger?: boolean
  /** What the button Cancel does, if there is one. */
  onCancel?(): void
  /** While the form is sent, what leads away from it has to wait. */
  onBusy?(isBusy: boolean): void
}

/** What was typed, by the names of the fields; a checkbox is 'on' or missing. */
export type Values = Record<string, string | undefined>

/** A form that keeps what was typed, shows each error at its field, and puts the focus on the first wrong one. */
export function Form({ submit, action, fields = [], username, children, isDanger, onCancel, onBusy }: FormProps) {
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
      const found = placed(describeFailure(error), form.current)
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
      {/* The password manager of the browser saves the password under this name. It does not read the type "hidden".
          Without the attribute "name" it is not among the values, which some forms send as they are. */}
      {username && <input type="text" value={username} autocomplete="username" readOnly hidden />}
      {fields.map(field => (
        <Field key={field.name} error={failure.fields[field.name]} {...field} />
      ))}
      {children}
      {failure.message && (
        <p role="alert" tabIndex={-1} class="failure">
          {failure.message}
        </p>
      )}
      <div class="buttons">
        {onCancel && <CancelButton isBusy={isBusy} onClick={onCancel} />}
        <button type="submit" class={isDanger ? 'danger' : 'primary'} aria-disabled={isBusy}>
          {submit}
        </button>
      </div>
    </form>
  )
}

/** What is done with a refused request that had the password of the signed-in person in a field. */
export function wrongPasswordAt(field: string): (error: unknown) => never {
  return error => {
    // The service names no field, because it does not say whether an account exists. Here the account is known.
    throw hasCode(error, 'invalid_credentials') ? new FieldError(field, texts.wrongPassword) : error
  }
}

/** It stands before the button that it is an alternative to, for the eyes and for the Tab key. */
export function CancelButton({ isBusy, onClick }: { isBusy: boolean; onClick(): void }) {
  return (
    <Button isBusy={isBusy} onClick={onClick}>
      {texts.cancel}
    </Button>
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

/** @param autocomplete `username` if it is also what the person signs in with here */
export function emailField(autocomplete: 'email' | 'username', name = 'email', label = texts.email): FieldProps {
  return { name, label, type: 'email', autocomplete }
}

interface WithError {
  error: string | undefined
}

/** A field with its label, its hint and its error. A password can be shown. */
function Field({ name, label, type = 'text', hint, value, isOptional, error, ...others }: FieldProps & WithError) {
  const id = useId()
  const [isShown, setShown] = useState(false)
  const toggle = texts.withDetail(isShown ? texts.hide : texts.show, label)
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
          <Button class="icon" aria-label={toggle} title={toggle} onClick={() => setShown(!isShown)}>
            <Icon name={isShown ? 'hide' : 'show'} />
          </Button>
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
