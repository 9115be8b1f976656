import { useSession } from '@latchkey/client/react'
import { useEffect, useState } from 'react'
import { Events } from './events.jsx'
import { Header } from './header.jsx'
import { Notes } from './notes.jsx'
import { Sessions } from './sessions.jsx'
import { SignIn } from './sign-in.jsx'

/** What the page shows is decided by the user alone: it follows every sign-in and sign-out, in whichever tab. */
export function App() {
  const { user, isLoading } = useSession()
  const [wasSignedIn, setWasSignedIn] = useState(false)
  useEffect(() => {
    if (user) setWasSignedIn(true)
  }, [user])

  if (isLoading) return <Loading />
  if (!user) return <SignIn notice={wasSignedIn && 'You are signed out. Sign in to continue.'} />
  // With another user, everything below begins again.
  return (
    <div className="page" key={user.id}>
      <Header user={user} />
      <main className="columns">
        <Notes />
        <div className="stack">
          <Sessions />
          <Events />
        </div>
      </main>
      <footer className="quiet">
        Latchkey signs you in. Another service keeps the notes: it checks the access token itself, and refuses it as
        soon as its session has ended.
      </footer>
    </div>
  )
}

/** While Latchkey cannot be reached, nobody knows who is signed in. The client tries again by itself. */
function Loading() {
  return (
    <p className="loading" role="status">
      One moment …<span className="late"> Latchkey does not answer yet. This page tries again by itself.</span>
    </p>
  )
}
