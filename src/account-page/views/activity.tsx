import type { SecurityEvent } from '@latchkey/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { describeFailure } from '../failures.js'
import { usePage } from '../page.js'
import type { Texts } from '../texts/en.js'
import { agoWords, DOT, dateWords, deviceWords, placeWords } from '../words.js'

interface ActivityProps {
  events: readonly SecurityEvent[]
  /** The id of the session of this page. */
  currentSession: string | undefined
  hasMore: boolean
  onMore(): Promise<number>
  onNotMe(): void
}

/** What happened to the account, newest first. */
export function Activity({ events, currentSession, hasMore, onMore, onNotMe }: ActivityProps) {
  const { texts, announce } = usePage()
  const [failure, setFailure] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)
  const list = useRef<HTMLOListElement>(null)
  /** How many events were shown before more were asked for. */
  const [shown, setShown] = useState<number>()

  useEffect(() => {
    // The button moves away, or is gone.
    if (shown !== undefined && !isBusy) (list.current?.children[shown] as HTMLElement | undefined)?.focus()
  }, [shown, isBusy])

  async function more() {
    if (isBusy) return
    setBusy(true)
    setFailure(undefined)
    await onMore().then(count => {
      announce(texts.moreLoaded(count))
      setShown(events.length)
    }, setFailure)
    setBusy(false)
  }
  return (
    <section aria-labelledby="activity">
      <h2 id="activity">{texts.activity}</h2>
      {events.length === 0 && <p class="hint">{texts.noActivity}</p>}
      <ol ref={list} class="card events">
        {events.map(event => (
          <EventItem key={event.id} event={event} currentSession={currentSession} onNotMe={onNotMe} />
        ))}
        {isBusy && PLACES.map(place => <li key={place} class="waiting" aria-hidden="true" />)}
      </ol>
      {failure !== undefined && (
        <p role="alert" class="failure">
          {describeFailure(failure, texts).message}
        </p>
      )}
      {hasMore && (
        <div class="buttons">
          <button type="button" aria-disabled={isBusy} onClick={more}>
            {texts.loadMore}
          </button>
        </div>
      )}
    </section>
  )
}

/** The places of the events that are loaded. Without them, what is below would move when these are there. */
const PLACES = [...Array(10).keys()]

/** Events after which somebody has a session. */
const SIGN_INS = new Set(['signed_in', 'password_changed', 'password_reset'])
/** Events that a person should look at. */
const WARNINGS = new Set(['sign_in_failed', 'refresh_token_reused', 'refresh_token_unknown', 'account_locked'])

interface EventItemProps {
  event: SecurityEvent
  currentSession: string | undefined
  onNotMe(): void
}

function EventItem({ event, currentSession, onNotMe }: EventItemProps) {
  const { texts } = usePage()
  const { type, at, device, location, ip, actor, session_id: sessionId } = event
  const sentence = eventSentence(event, texts)
  const ago = agoWords(at, texts) ?? texts.justNow
  const isHere = sessionId !== null && sessionId === currentSession
  const place = [
    actor === 'administrator' && texts.byAdministrator,
    isHere ? texts.thisDevice : device && deviceWords(device, texts),
    placeWords(location, texts),
    ip,
  ]
  return (
    <li tabIndex={-1} data-warning={WARNINGS.has(type) || undefined}>
      <p class="what">{sentence}</p>
      <p class="hint">
        {place.filter(Boolean).join(DOT)}
        {place.some(Boolean) && DOT}
        <time dateTime={at} title={dateWords(at, texts)}>
          {ago}
        </time>
      </p>
      {SIGN_INS.has(type) && !isHere && (
        <button type="button" class="link" aria-label={texts.notMeAbout(`${sentence}, ${ago}`)} onClick={onNotMe}>
          {texts.notMe}
        </button>
      )}
    </li>
  )
}

/** `Signed in on a new device`. An event of a newer service is shown by the name of its type. */
function eventSentence({ type, details }: SecurityEvent, texts: Texts): string {
  const sentence = (texts.events as Record<string, string | undefined>)[type] ?? type.replaceAll('_', ' ')
  const more: Record<string, string | undefined> = texts.eventDetails
  const { new_device: isNew, reason, scope, roles } = details
  if (isNew && type === 'signed_in') return `${sentence} ${more.new_device}`
  if (Array.isArray(roles)) return roles.length > 0 ? `${sentence}: ${roles.join(', ')}` : sentence
  if (scope && more[String(scope)]) return `${sentence} ${more[String(scope)]}`
  return reason && more[String(reason)] ? `${sentence}: ${more[String(reason)]}` : sentence
}
