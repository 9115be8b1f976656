import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { announce, Button, Notice, Title } from './elements.js'
import { Unavailable } from './failed.js'
import { keepLink, type Link, takeLink } from './links.js'
import { type Message, onMessage } from './message.js'
import { client } from './page.js'
import * as texts from './texts/en.js'
import { Account } from './views/account.js'
import { Letter } from './views/letter.js'
import { ResetPassword } from './views/reset-password.js'
import { SignIn } from './views/sign-in.js'

/** Shows the view that fits: a message, what the link in a letter asks for, the form to sign in, or the account. */
export function App({ link: first }: { link: Link | undefined }) {
  const [link, setLink] = useState(first)
  const [message, setMessage] = useState<Message>()

  useEffect(() => link && keepLink(link), [link])
  useEffect(() => {
    const onHash = () => {
      const next = takeLink()
      if (!next) return
      setMessage(undefined)
      setLink(next)
    }
    addEventListener('hashchange', onHash)
    onMessage(next => {
      setLink(undefined)
      setMessage(next)
    })
    return () => removeEventListener('hashchange', onHash)
  }, [])

  const View = link?.kind === 'reset' ? ResetPassword : Letter
  return (
    <>
      {message ? (
        <section class="card narrow">
          <Title>{message.title}</Title>
          <p>{message.text}</p>
          <Button class="primary" onClick={() => setMessage(undefined)}>
            {texts.goOn}
          </Button>
        </section>
      ) : link ? (
        <View key={link.token} link={link} onDone={() => setLink(undefined)} />
      ) : (
        <Home />
      )}
      <Notice />
    </>
  )
}

function Home() {
  const [user, setUser] = useState(client.user)
  const [failure, setFailure] = useState<unknown>()
  const wasSignedIn = useRef(false)

  const findOut = useCallback(() => {
    setFailure(undefined)
    client.getAccessToken().then(() => setUser(client.user), setFailure)
  }, [])

  useEffect(() => {
    const stop = client.onChange(setUser)
    findOut()
    return stop
  }, [findOut])

  useEffect(() => {
    if (user === null && wasSignedIn.current) announce(texts.signedOut)
    wasSignedIn.current = Boolean(user)
  }, [user])

  if (user) return <Account key={user.id} user={user} />
  if (user === null) return <SignIn />
  if (failure) return <Unavailable failure={failure} onRetry={findOut} />
  return <p class="loading">{texts.loading}</p>
}
