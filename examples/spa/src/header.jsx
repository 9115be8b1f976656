import { useSession } from '@latchkey/client/react'
import { useAction } from './use-action.js'

/** Who is signed in, and the two ways to sign out. */
export function Header({ user }) {
  const { logout } = useSession()
  const { run, isRunning, problem } = useAction()
  return (
    <header>
      <h1>
        <img src="/favicon.svg" alt="" width="28" height="28" /> Notes
      </h1>
      {problem && <p className="problem">{problem}</p>}
      <div className="who">
        <span className="email">{user.email}</span>
        <button type="button" disabled={isRunning} onClick={() => run(() => logout())}>
          Sign out
        </button>
        <button
          type="button"
          className="danger"
          disabled={isRunning}
          onClick={() => run(() => logout({ scope: 'all' }))}
        >
          Sign out everywhere
        </button>
      </div>
    </header>
  )
}
