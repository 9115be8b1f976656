import { useSession } from '@latchkey/client/react'
import { useState } from 'react'
import { useAction } from './use-action.js'

/** The form to sign in, which can also create an account. */
export function SignIn({ notice }) {
  const { login, register } = useSession()
  const [isNew, setIsNew] = useState(false)
  const { run, isRunning, error, problem } = useAction()
  // Latchkey names the fields that are wrong, with a message for each.
  const wrong = Object.fromEntries((error?.errors ?? []).map(({ field, message }) => [field, message]))
  const isAboutFields = 'email' in wrong || 'password' in wrong

  function submit(event) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const credentials = {
      email: form.get('email'),
      password: form.get('password'),
      remember: form.get('remember') === 'on',
    }
    void run(() => (isNew ? register(credentials) : login(credentials)))
  }

  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit} noValidate>
        <h1>
          <img src="/favicon.svg" alt="" width="28" height="28" /> Notes
        </h1>
        <p className="quiet">{isNew ? 'Create an account. It takes one moment.' : 'Sign in to read your notes.'}</p>
        {notice && !problem && <p className="notice">{notice}</p>}
        {problem && !isAboutFields && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <Field label="E-mail" name="email" type="email" autoComplete="username" message={wrong.email} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete={isNew ? 'new-password' : 'current-password'}
          message={wrong.password}
        />
        <label className="check">
          <input type="checkbox" name="remember" defaultChecked /> Stay signed in on this computer
        </label>
        <button type="submit" className="primary" disabled={isRunning}>
          {isNew ? 'Create an account' : 'Sign in'}
        </button>
        <p className="quiet">
          {isNew ? 'Already have an account?' : 'New here?'}{' '}
          <button type="button" className="link" onClick={() => setIsNew(!isNew)}>
            {isNew ? 'Sign in instead' : 'Create an account instead'}
          </button>
        </p>
      </form>
    </main>
  )
}

function Field({ label, name, message, ...input }) {
  return (
    <label className="field">
      {label}
      <input name={name} required aria-invalid={Boolean(message)} aria-describedby={`${name}-message`} {...input} />
      {/* The message of Latchkey is the end of a sentence that begins with the field. */}
      <span className="wrong" id={`${name}-message`} role="alert">
        {message && `${label} ${message}.`}
      </span>
    </label>
  )
}
