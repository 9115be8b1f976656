import { useState } from 'preact/hooks'
import { Button, Title } from '../elements.js'
import { hasCode } from '../failures.js'
import { Checkbox, emailField, Form, type FormProps, type Values } from '../form.js'
import { sayIfKept, showMessage } from '../message.js'
import { client, letters, registration } from '../page.js'
import { request } from '../request.js'
import * as texts from '../texts/en.js'
import { newPassword } from './new-password.js'
import { TemporaryPassword, type TemporarySignIn } from './temporary-password.js'

/** The forms for a person who is not signed in. */
export function SignIn() {
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
      {isNew ? <RegisterForm onBusy={setBusy} /> : <SignInForm onTemporary={setTemporary} onBusy={setBusy} />}
      {letters.has('letter_password_reset') && !isNew && (
        <p class="other">
          <Button class="link" isBusy={isBusy} onClick={() => setForgotten(true)}>
            {texts.forgotPassword}
          </Button>
        </p>
      )}
      {registration !== 'closed' && (
        <p class="other">
          {isNew ? texts.haveAccount : texts.noAccount}{' '}
          <Button class="link" isBusy={isBusy} onClick={() => setNew(!isNew)}>
            {isNew ? texts.signIn : texts.createAccount}
          </Button>
        </p>
      )}
    </section>
  )
}

type Busy = Required<Pick<FormProps, 'onBusy'>>

function SignInForm({ onTemporary, onBusy }: { onTemporary(signIn: TemporarySignIn): void } & Busy) {
  async function signIn({ username = '', password = '', remember }: Values) {
    const credentials = { username, password, remember: remember === 'on' }
    const user = await client.login(credentials).catch(error => {
      if (!hasCode(error, 'password_change_required')) throw error
      onTemporary({ name: username, password, remember: credentials.remember })
      return undefined
    })
    sayIfKept(user)
  }
  return (
    <Form
      submit={texts.signIn}
      fields={[
        { name: 'username', label: texts.signInName, autocomplete: 'username' },
        { name: 'password', label: texts.password, type: 'password', autocomplete: 'current-password' },
      ]}
      action={signIn}
      onBusy={onBusy}
    >
      <Checkbox name="remember" label={texts.remember} hint={texts.rememberHint} />
    </Form>
  )
}

function RegisterForm({ onBusy }: Busy) {
  async function register({ email = '', password = '', remember }: Values) {
    if (registration === 'open') {
      await client.register({ email, password, remember: remember === 'on' })
      return
    }
    await request('POST', '/auth/register', { email, password })
    showMessage(texts.letterTitle, texts.letterSent)
  }
  return (
    <Form
      submit={texts.createAccount}
      fields={[emailField('username'), newPassword('password', texts.password)]}
      action={register}
      onBusy={onBusy}
    >
      {registration === 'open' && <Checkbox name="remember" label={texts.remember} hint={texts.rememberHint} />}
    </Form>
  )
}

function ForgotPassword({ onDone }: { onDone(): void }) {
  async function ask({ email = '' }: Values) {
    await request('POST', '/auth/forgot-password', { email })
    showMessage(texts.letterTitle, texts.letterSent)
  }
  return (
    <section class="card narrow">
      <Title>{texts.forgotPassword}</Title>
      <p>{texts.forgotText}</p>
      <Form submit={texts.send} fields={[emailField('username')]} action={ask} onCancel={onDone} />
    </section>
  )
}
