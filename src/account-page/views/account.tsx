import type { User } from '@latchkey/client'
import type { ComponentChild } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Confirmation, type QuestionProps } from '../dialog.js'
import { announce, Button, Title } from '../elements.js'
import { Failed, Retry, Unavailable } from '../failed.js'
import { showMessage } from '../message.js'
import { client, letters } from '../page.js'
import { request } from '../request.js'
import * as texts from '../texts/en.js'
import { useAccountLists } from '../use-account-lists.js'
import { useAction } from '../use-action.js'
import { Activity } from './activity.js'
import { ChangeEmail } from './change-email.js'
import { ChangePassword } from './change-password.js'
import { DeleteAccount } from './delete-account.js'
import { NotMe } from './not-me.js'
import { Sessions } from './sessions.js'
import { YourData } from './your-data.js'

/** What a signed-in person sees. */
export function Account({ user }: { user: User }) {
  const lists = useAccountLists(client)
  const { Question, ask, onClosed } = useQuestion()
  // After a later success, a failed sign-out is no longer of interest.
  const signOut = useAction(lists.sessions)
  const sending = useAction(lists.sessions)
  useClock()

  async function askForLetter() {
    await request('POST', '/auth/verify-email/resend')
    showMessage(texts.letterTitle, texts.letterSent)
  }

  function retry() {
    lists.reload()
    // The button is gone while the lists are read.
    document.getElementById('sessions')?.focus()
  }

  if (!lists.sessions || !lists.events) {
    if (lists.failure === undefined) return <p class="loading">{texts.loading}</p>
    return <Unavailable failure={lists.failure} onRetry={lists.reload} />
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
          {!user.email_verified && letters.has('letter_verify_email') && (
            <>
              <p class="hint">{texts.notConfirmed}</p>
              <Button class="link" isBusy={sending.isBusy} onClick={() => sending.run(askForLetter)}>
                {texts.sendLetter}
              </Button>
            </>
          )}
          {user.roles.length > 0 && (
            <ul class="roles" aria-label={texts.roles}>
              {user.roles.map(role => (
                <li key={role}>{role}</li>
              ))}
            </ul>
          )}
        </div>
        <div class="buttons">
          {letters.has('letter_confirm_email') && <Button onClick={() => ask(ChangeEmail)}>{texts.changeEmail}</Button>}
          <Button onClick={() => ask(ChangePassword)}>{texts.changePassword}</Button>
          <Button isBusy={signOut.isBusy} onClick={() => signOut.run(() => client.logout())}>
            {texts.signOut}
          </Button>
        </div>
      </section>
      <Failed failure={signOut.failure ?? sending.failure} />
      {lists.failure !== undefined && <Retry failure={lists.failure} before={texts.oldLists} onRetry={retry} />}
      <div class="columns">
        <Sessions
          sessions={lists.sessions}
          onChanged={lists.reload}
          onEnded={lists.removeSession}
          onEndOthers={() => ask(EndOthers)}
          onEndAll={() => ask(SignOutEverywhere)}
        />
        <Activity
          events={lists.events}
          currentSession={lists.sessions.find(({ current }) => current)?.id}
          hasMore={lists.hasMore}
          onMore={lists.loadMore}
          onNotMe={() => ask(NotMe)}
        />
        {/* An administrator is deleted by another one. */}
        <YourData onDelete={user.roles.includes('admin') ? undefined : () => ask(DeleteAccount)} />
      </div>
      {Question && <Question email={user.email} onChanged={lists.reload} onClosed={onClosed} />}
    </>
  )
}

function SignOutEverywhere({ onClosed }: QuestionProps) {
  return (
    <Confirmation
      title={texts.signOutEverywhere}
      text={texts.signOutEverywhereText}
      run={() => client.logout({ scope: 'all' })}
      onClosed={onClosed}
    />
  )
}

function EndOthers({ onChanged, onClosed }: QuestionProps) {
  async function endOthers() {
    await client.sessions.revokeOthers()
    announce(texts.othersEnded)
    onChanged()
  }
  return <Confirmation title={texts.endOthers} text={texts.endOthersText} run={endOthers} onClosed={onClosed} />
}

/** Which dialog is open. The focus returns to the button that opened it, or to its section if the button is gone by then. */
function useQuestion() {
  const [Question, setQuestion] = useState<(props: QuestionProps) => ComponentChild>()
  const opener = useRef<{ button: Element; heading: HTMLElement | null | undefined } | undefined>(undefined)
  useEffect(() => {
    const { button, heading } = opener.current ?? {}
    if (Question || !button || button.isConnected) return
    if (document.activeElement === document.body) heading?.focus({ preventScroll: true })
    opener.current = undefined
  })
  return {
    Question,
    ask(next: NonNullable<typeof Question>) {
      const button = document.activeElement!
      opener.current = { button, heading: button.closest('section')?.querySelector('h1, h2') }
      setQuestion(() => next)
    },
    onClosed: () => setQuestion(undefined),
  }
}

const CLOCK_MS = 30_000

/** Draws again from time to time, because "5 minutes ago" grows old. */
function useClock(): void {
  const [, setTicks] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setTicks(ticks => ticks + 1), CLOCK_MS)
    return () => clearInterval(timer)
  }, [])
}
