import type { AuthClient } from '@latchkey/client'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Notice } from './elements.js'
import { Unavailable } from './failed.js'
import { type LetterLink, takeLetterLink } from './letter-link.js'
import { type PageContext, PageProvider, usePage } from './page.js'
import { type ResetLink, takeResetLink } from './reset-link.js'
import type { Texts } from './texts/en.js'
import { Account } from './views/account.js'
import { Letter } from './views/letter.js'
import { ResetPassword } from './views/reset-password.js'
import { SignIn } from './views/sign-in.js'

export interface AppProps {
  texts: Texts
  client: AuthClient
  settings: Pick<PageContext, 'base' | 'registration' | 'hasLetters' | 'passwordMinLength'>
  resetLink: ResetLink | undefined
  letterLink: LetterLink | undefined
}

/** Shows the view that fits: a link to reset the password, another link of a letter, the form to sign in, or the account. */
export function App({ texts, client, settings, resetLink, letterLink }: AppProps) {
  const [notice, setNotice] = useState({ text: '', count: 0 })
  const [link, setLink] = useState(resetLink)
  const [letter, setLetter] = useState(letterLink)
  const announce = useCallback((text: string) => setNotice(({ count }) => ({ text, count: count + 1 })), [])
  const page = useMemo(() => ({ texts, client, announce, ...settings }), [texts, client, announce, settings])

  useEffect(() => {
    const onHash = () => {
      setLink(current => takeResetLink() ?? current)
      setLetter(current => takeLetterLink() ?? current)
    }
    addEventListener('hashchange', onHash)
    return () => removeEventListener('hashchange', onHash)
  }, [])

  return (
    <PageProvider value={page}>
      {link ? (
        <ResetPassword key={link.token} link={link} onDone={() => setLink(undefined)} />
      ) : letter ? (
        <Letter key={letter.token} link={letter} onDone={() => setLetter(undefined)} />
      ) : (
        <Home />
      )}
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
