import { AuthError } from '@latchkey/client'
import { useState } from 'preact/hooks'
import { Title } from '../elements.js'
import { Checkbox, Field, Form, type FormProps, type Values } from '../form.js'
import { usePage } from '../page.js'
import { post } from '../post.js'
import { NewPassword } from './new-password.js'
import { TemporaryPassword, type TemporarySignIn } from './temporary-password.js'

/** The forms for a person who is not signed in. */
export function SignIn() {
  const { texts, registration, hasLetters } = usePage()
  const [isNew, setNew] = useState(false)
  const [hasForgotten, setForgotten] = useState(false)
  // A sign-in that is on its way would take effect after its form was left.
  const [isBusy, setBusy] = useState(false)
  const [temporary, setTemporary] = useState<TemporarySignIn>()
  if (temporary) return <TemporaryPassword {...temporary} onBack={() => setTemporary(undefined)} />
  if (hasForgotten) return <ForgotPassword onDone={() => setForgotten(false)} />
  return (
    <section class="card narrow">
      <Title key={String(isNew)}>{isNew ? texts.createAccount : texts.signIn}</Title>
      {isNew ? (
        <RegisterForm onBusy={setBusy} onSent={() => setNew(false)} />
      ) : (
        <SignInForm onTemporary={setTemporary} onBusy={setBusy} />
      )}
      {hasLetters && !isNew && (
        <p class="other">
          <button type="button" class="link" aria-disabled={isBusy} onClick={() => isBusy || setForgotten(true)}>
            {texts.forgotPassword}
          </button>
        </p>
      )}
      {registration !== 'closed' && (
        <p class="other">
          {isNew ? texts.haveAccount : texts.noAccount}{' '}
          <button type="button" class="link" aria-disabled={isBusy} onClick={() => isBusy || setNew(!isNew)}>
            {isNew ? texts.signIn : texts.createAccount}
          </button>
        </p>
      )}
    </section>
  )
}

type Busy = Required<Pick<FormProps, 'onBusy'>>

function SignInForm({ onTemporary, onBusy }: { onTemporary(signIn: TemporarySignIn): void } & Busy) {
  const { texts, client } = usePage()
  async function signIn({ username = '', password = '', remember }: Values) {
    const credentials = { username, password, remember: remember === 'on' }
    await client.login(credentials).catch(error => {
      if (!(error instanceof AuthError && error.code === 'password_change_required')) throw error
      onTemporary({ name: username, password, remember: credentials.remember })
    })
  }
  return (
    <Form submit={texts.signIn} action={signIn} onBusy={onBusy}>
      <Field name="username" label={texts.signInName} autocomplete="username" />
      <Field name="password" label={texts.password} type="password" autocomplete="current-password" />
      <Checkbox name="remember" label={texts.remember} hint={texts.rememberHint} />
    </Form>
  )
}

function RegisterForm({ onBusy, onSent }: Busy & { onSent(): void }) {
  const { texts, client, registration, base, announce } = usePage()
  async function register({ email = '', password = '', remember }: Values) {
    if (registration === 'open') {
      await client.register({ email, password, remember: remember === 'on' })
      return
    }
    await post(`${base}/auth/register`, { email, password })
    announce(texts.letterSent)
    onSent()
  }
  return (
    <Form submit={texts.createAccount} action={register} onBusy={onBusy}>
      <Field name="email" label={texts.email} type="email" autocomplete="username" />
      <NewPassword name="password" label={texts.password} />
      {registration === 'open' && <Checkbox name="remember" label={texts.remember} hint={texts.rememberHint} />}
    </Form>
  )
}

function ForgotPassword({ onDone }: { onDone(): void }) {
  const { texts, base, announce } = usePage()
  async function ask({ email = '' }: Values) {
    await post(`${base}/auth/forgot-password`, { email })
    announce(texts.letterSent)
    onDone()
  }
  return (
    <section class="card narrow">
      <Title>{texts.forgotPassword}</Title>
      <p>{texts.forgotText}</p>
      <Form submit={texts.send} action={ask} onCancel={onDone}>
        <Field name="email" label={texts.email} type="email" autocomplete="username" />
      </Form>
    </section>
  )
}
