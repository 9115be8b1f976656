import type { Device, SecurityEvent } from '@latchkey/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { announce, Button, Facts } from '../elements.js'
import { Failed } from '../failed.js'
import * as texts from '../texts/en.js'
import { useAction } from '../use-action.js'
import { agoWords, dateWords, deviceWords, placeWords } from '../words.js'

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
  const { isBusy, failure, run } = useAction()
  const list = useRef<HTMLOListElement>(null)
  /** How many events were shown before more were asked for. */
  const [shown, setShown] = useState<number>()

  useEffect(() => {
    // The button moves away, or is gone.
    if (shown !== undefined && !isBusy) (list.current?.children[shown] as HTMLElement | undefined)?.focus()
  }, [shown, isBusy])

  async function more() {
    announce(texts.moreLoaded(await onMore()))
    setShown(events.length)
  }
  return (
    <section aria-labelledby="activity">
      <h2 id="activity" tabIndex={-1}>
        {texts.activity}
      </h2>
      {events.length === 0 && <p class="hint">{texts.noActivity}</p>}
      <ol ref={list} class="card events">
        {events.map(event => (
          <EventItem
            key={event.id}
            event={event}
            ended={endedDevice(event, events)}
            currentSession={currentSession}
            onNotMe={onNotMe}
          />
        ))}
        {isBusy && PLACES.map(place => <li key={place} class="waiting" aria-hidden="true" />)}
      </ol>
      <Failed failure={failure} />
      {hasMore && (
        <div class="buttons">
          <Button isBusy={isBusy} onClick={() => run(more)}>
            {texts.loadMore}
          </Button>
        </div>
      )}
    </section>
  )
}

/** The places of the events that are loaded. Without them, what is below would move when these are there. */
const PLACES = [...Array(10).keys()]

/** Events after which somebody has a session. */
const SIGN_INS = new Set(['signed_in', 'password_changed', 'password_reset'])
const BEGINNINGS = new Set([...SIGN_INS, 'registered'])
/** Events that a person should look at. */
const WARNINGS = new Set(['sign_in_failed', 'refresh_token_reused', 'refresh_token_unknown', 'account_locked'])

/** Events in which one device ends the session of another one. */
const ENDINGS = new Set(['session_revoked', 'sessions_revoked'])

/** The device whose session was ended by another one, if its sign-in is among the events. */
function endedDevice({ type, session_id: id }: SecurityEvent, events: readonly SecurityEvent[]): Device | null {
  if (type !== 'session_revoked' || id === null) return null
  return events.find(event => event.session_id === id && BEGINNINGS.has(event.type))?.device ?? null
}

interface EventItemProps {
  event: SecurityEvent
  /** The device that was signed out, if this is known. */
  ended: Device | null
  currentSession: string | undefined
  onNotMe(): void
}

function EventItem({ event, ended, currentSession, onNotMe }: EventItemProps) {
  const { type, at, device, location, ip, actor, session_id: sessionId } = event
  const sentence = eventSentence(event, ended)
  const ago = agoWords(at) ?? texts.justNow
  const isHere = sessionId !== null && sessionId === currentSession
  const name = device && deviceWords(device)
  const about = `about-${event.id}`
  return (
    <li tabIndex={-1} data-warning={WARNINGS.has(type) || undefined}>
      <p class="what">{sentence}</p>
      <Facts
        id={about}
        facts={[
          actor === 'administrator' && texts.byAdministrator,
          isHere ? texts.thisDevice : name && (ENDINGS.has(type) ? texts.fromDevice(name) : name),
          placeWords(location),
          ip,
          <time key="at" dateTime={at} title={dateWords(at)}>
            {ago}
          </time>,
        ]}
      />
      {SIGN_INS.has(type) && !isHere && (
        <Button
          class="link"
          aria-label={texts.withDetail(texts.notMe, `${sentence}, ${ago}`)}
          aria-describedby={about}
          onClick={onNotMe}
        >
          {texts.notMe}
        </Button>
      )}
    </li>
  )
}

/** `Signed in on a new device`. An event of a newer service is shown by the name of its type. */
function eventSentence({ type, details }: SecurityEvent, ended: Device | null): string {
  const known = ended
    ? texts.deviceEnded(deviceWords(ended))
    : (texts.events as Record<string, string | undefined>)[type.replace(/^letter_.*/, 'letter')]
  const sentence = known ?? type.replaceAll('_', ' ')
  const more: Record<string, string | undefined> = texts.eventDetails
  const { new_device: isNew, reason, scope, roles } = details
  if (isNew && type === 'signed_in') return `${sentence} ${more.new_device}`
  if (Array.isArray(roles)) return roles.length > 0 ? texts.withDetail(sentence, roles.join(', ')) : sentence
  if (scope && more[String(scope)]) return `${sentence} ${more[String(scope)]}`
  return reason && more[String(reason)] ? texts.withDetail(sentence, more[String(reason)]!) : sentence
}
