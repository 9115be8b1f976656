import { useEvents } from '@latchkey/client/react'
import { Ago } from './ago.jsx'
import { nameOf } from './sessions.jsx'
import { describe } from './use-action.js'

/** What a user should recognize. All types are in docs/events.md. */
const TEXTS = {
  registered: 'Account created',
  signed_in: 'Signed in',
  sign_in_failed: 'Sign-in refused',
  signed_out: 'Signed out',
  session_revoked: 'Session ended',
  session_expired: 'Session expired',
  password_changed: 'Password changed',
  account_locked: 'Too many wrong passwords',
}

export function Events() {
  const { events, error, hasMore, loadMore, reload } = useEvents({ limit: 5 })
  return (
    <section className="card" aria-labelledby="events">
      <h2 id="events">
        Recent events
        <button type="button" className="small" onClick={() => reload().catch(() => {})}>
          Reload
        </button>
      </h2>
      {error && <p className="problem">{describe(error)}</p>}
      <ul>
        {events?.map(({ id, type, at, device, details }) => (
          <li key={id}>
            <span className="grow">
              {TEXTS[type] ?? type.replaceAll('_', ' ')} {details.new_device && <mark>new device</mark>}
              <small>
                {device && `${nameOf(device)}, `}
                <Ago at={at} />
              </small>
            </span>
          </li>
        ))}
      </ul>
      {hasMore && (
        <button type="button" className="link" onClick={() => loadMore().catch(() => {})}>
          Show older events
        </button>
      )}
    </section>
  )
}
