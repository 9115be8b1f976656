import type { AuthClient } from '@latchkey/client'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Notice, Title } from './elements.js'
import { describeFailure } from './failures.js'
import { type PageContext, PageProvider, usePage } from './page.js'
import { takeResetToken } from './reset-token.js'
import type { Texts } from './texts/en.js'
import { Account } from './views/account.js'
import { ResetPassword } from './views/reset-password.js'
import { SignIn } from './views/sign-in.js'

export interface AppProps {
  texts: Texts
  client: AuthClient
  settings: Pick<PageContext, 'canRegister' | 'passwordMinLength'>
  resetToken: string | undefined
}

/** Shows the view that fits: a link to reset the password, the form to sign in, or the account. */
export function App({ texts, client, settings, resetToken }: AppProps) {
  const [notice, setNotice] = useState({ text: '', count: 0 })
  const [token, setToken] = useState(resetToken)
  const announce = useCallback((text: string) => setNotice(({ count }) => ({ text, count: count + 1 })), [])
  const page = useMemo(() => ({ texts, client, announce, ...settings }), [texts, client, announce, settings])

  useEffect(() => {
    const onHash = () => setToken(current => takeResetToken() ?? current)
    addEventListener('hashchange', onHash)
    return () => removeEventListener('hashchange', onHash)
  }, [])

  return (
    <PageProvider value={page}>
      {token ? <ResetPassword key={token} token={token} onDone={() => setToken(undefined)} /> : <Home />}
      <Notice {...notice} />
    </PageProvider>
  )
}

function Home() {
  const { client, texts, announce } = usePage()
  const [user, setUser] = useState(client.user)
  const [failure, setFailure] = useState<unknown>()
  const wasSignedIn = useRef(false)

  const findOut = useCallback(() => {
    setFailure(undefined)
    client.getAccessToken().then(() => setUser(client.user), setFailure)
  }, [client])

  useEffect(() => {
    const stop = client.onChange(setUser)
    findOut()
    return stop
  }, [client, findOut])

  useEffect(() => {
    if (user === null && wasSignedIn.current) announce(texts.signedOut)
    wasSignedIn.current = Boolean(user)
  }, [user, announce, texts])

  if (user) return <Account key={user.id} user={user} />
  if (user === null) return <SignIn />
  if (failure) return <Unavailable failure={failure} onRetry={findOut} />
  return <p class="loading">{texts.loading}</p>
}

function Unavailable({ failure, onRetry }: { failure: unknown; onRetry(): void }) {
  const { texts } = usePage()
  return (
    <section class="card narrow">
      <Title>{texts.yourAccount}</Title>
      <p role="alert" class="failure">
        {describeFailure(failure, texts).message}
      </p>
      <button type="button" class="primary" onClick={onRetry}>
        {texts.tryAgain}
      </button>
    </section>
  )
}
