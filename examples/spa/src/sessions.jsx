import { useSessions } from '@latchkey/client/react'
import { useEffect } from 'react'
import { Ago } from './ago.jsx'
import { describe, useAction } from './use-action.js'

/** Where the user is signed in. Each session can be ended, and its access token is then refused at once. */
export function Sessions() {
  const { sessions, error, getSessions, revokeSession, revokeOtherSessions } = useSessions()
  const { run, isRunning, problem } = useAction()

  // Somebody may have signed in or out elsewhere while this page was not looked at.
  useEffect(() => {
    const reload = () => getSessions().catch(() => {})
    addEventListener('focus', reload)
    return () => removeEventListener('focus', reload)
  }, [getSessions])

  return (
    <section className="card" aria-labelledby="sessions">
      <h2 id="sessions">
        Where you are signed in
        {sessions?.length > 1 && (
          <button type="button" className="small" disabled={isRunning} onClick={() => run(revokeOtherSessions)}>
            End all others
          </button>
        )}
      </h2>
      {(problem || error) && <p className="problem">{problem ?? describe(error)}</p>}
      <ul>
        {sessions?.map(session => (
          <li key={session.id}>
            <DeviceIcon kind={session.device?.kind} />
            <span className="grow">
              {session.label ?? nameOf(session.device)} {session.current && <mark>this browser</mark>}
              <small>
                {session.ip}, active <Ago at={session.last_active_at ?? session.created_at} />
              </small>
            </span>
            <button
              type="button"
              className="small"
              aria-label={`End the session of ${nameOf(session.device)}`}
              disabled={isRunning}
              onClick={() => run(() => revokeSession(session.id))}
            >
              End
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** A phone, or a computer for everything else. */
function DeviceIcon({ kind }) {
  const isPhone = kind === 'mobile'
  return (
    <svg className="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <path
        d={
          isPhone
            ? 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zm3 15h2'
            : 'M5 5h14v10H5zM2.5 19h19'
        }
      />
    </svg>
  )
}

/** @param device null if nothing is known about it */
export function nameOf(device) {
  const { browser, os } = device ?? {}
  return [browser, os].filter(Boolean).join(' on ') || 'An unknown device'
}
