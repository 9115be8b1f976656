import type { User } from '@latchkey/client'
import { useState } from 'preact/hooks'
import { Confirmation } from '../dialog.js'
import { Title } from '../elements.js'
import { describeFailure } from '../failures.js'
import { usePage } from '../page.js'
import { useAccountLists } from '../use-account-lists.js'
import { useAction } from '../use-action.js'
import { Activity } from './activity.js'
import { ChangePassword } from './change-password.js'
import { NotMe } from './not-me.js'
import { Sessions } from './sessions.js'

/** Which dialog is open. */
type Question = 'password' | 'everywhere' | 'others' | 'not-me'

/** What a signed-in person sees. */
export function Account({ user }: { user: User }) {
  const { texts, client, announce } = usePage()
  const lists = useAccountLists(client)
  const [question, setQuestion] = useState<Question>()
  const signOut = useAction()
  const onClosed = () => setQuestion(undefined)

  function retry() {
    lists.reload()
    // The button is gone while the lists are read.
    document.getElementById('sessions')?.focus()
  }

  if (!lists.sessions || !lists.events) {
    if (lists.failure === undefined) return <p class="loading">{texts.loading}</p>
    return (
      <section class="card narrow">
        <Title>{texts.yourAccount}</Title>
        <p role="alert" class="failure">
          {describeFailure(lists.failure, texts).message}
        </p>
        <button type="button" class="primary" onClick={lists.reload}>
          {texts.tryAgain}
        </button>
      </section>
    )
  }
  return (
    <>
      <section class="profile">
        <span class="initial" aria-hidden="true">
          {[...(user.username || user.email)][0]}
        </span>
        <div class="who">
          <Title>{texts.yourAccount}</Title>
          <p class="email">{user.username ? `${user.username} · ${user.email}` : user.email}</p>
          {user.roles.length > 0 && (
            <ul class="roles" aria-label={texts.roles}>
              {user.roles.map(role => (
                <li key={role}>{role}</li>
              ))}
            </ul>
          )}
        </div>
        <div class="buttons">
          <button type="button" onClick={() => setQuestion('password')}>
            {texts.changePassword}
          </button>
          <button type="button" aria-disabled={signOut.isBusy} onClick={() => signOut.run(() => client.logout())}>
            {texts.signOut}
          </button>
        </div>
      </section>
      {signOut.failure !== undefined && (
        <p role="alert" class="failure">
          {describeFailure(signOut.failure, texts).message}
        </p>
      )}
      {lists.failure !== undefined && (
        <div role="alert" class="failure">
          <p>
            {texts.oldLists} {describeFailure(lists.failure, texts).message}
          </p>
          <button type="button" onClick={retry}>
            {texts.tryAgain}
          </button>
        </div>
      )}
      <div class="columns">
        <Sessions
          sessions={lists.sessions}
          onChanged={lists.reload}
          onEnded={lists.removeSession}
          onEndOthers={() => setQuestion('others')}
          onEndAll={() => setQuestion('everywhere')}
        />
        <Activity
          events={lists.events}
          currentSession={lists.sessions.find(({ current }) => current)?.id}
          hasMore={lists.hasMore}
          onMore={lists.loadMore}
          onNotMe={() => setQuestion('not-me')}
        />
      </div>
      {question === 'password' && <ChangePassword email={user.email} onChanged={lists.reload} onClosed={onClosed} />}
      {question === 'not-me' && <NotMe email={user.email} onChanged={lists.reload} onClosed={onClosed} />}
      {question === 'everywhere' && (
        <Confirmation
          title={texts.signOutEverywhere}
          text={texts.signOutEverywhereText}
          action={texts.signOutEverywhere}
          run={() => client.logout({ scope: 'all' })}
          onClosed={onClosed}
        />
      )}
      {question === 'others' && (
        <Confirmation
          title={texts.endOthers}
          text={texts.endOthersText}
          action={texts.endOthers}
          run={async () => {
            await client.sessions.revokeOthers()
            announce(texts.othersEnded)
            lists.reload()
          }}
          onClosed={onClosed}
        />
      )}
    </>
  )
}
