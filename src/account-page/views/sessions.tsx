import type { Session } from '@latchkey/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { announce, Button, Facts } from '../elements.js'
import { Failed } from '../failed.js'
import { hasCode } from '../failures.js'
import { Form } from '../form.js'
import { Icon } from '../icons.js'
import { client } from '../page.js'
import * as texts from '../texts/en.js'
import { useAction } from '../use-action.js'
import { agoWords, dateWords, deviceWords, placeWords } from '../words.js'

interface SessionsProps {
  sessions: readonly Session[]
  onChanged(): void
  /** After a session has ended. */
  onEnded(id: string): void
  onEndOthers(): void
  onEndAll(): void
}

/** The devices that are signed in, each as a card. */
export function Sessions({ sessions, onChanged, onEnded, onEndOthers, onEndAll }: SessionsProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  const hasOthers = sessions.some(({ current }) => !current)
  const names = sessions.map(session => nameOf(session))
  function endedAs(name: string, { id }: Session) {
    announce(texts.ended(name))
    focusBeside(id, heading.current!)
    onEnded(id)
  }
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions" ref={heading} tabIndex={-1}>
        {texts.sessions}
      </h2>
      <ul class="cards">
        {sessions.map((session, i) => (
          <SessionCard
            key={session.id}
            session={session}
            isNameShared={names.indexOf(names[i]!) !== names.lastIndexOf(names[i]!)}
            onChanged={onChanged}
            onEnded={name => endedAs(name, session)}
          />
        ))}
      </ul>
      {!hasOthers && <p class="hint">{texts.onlyThis}</p>}
      <div class="buttons">
        {hasOthers && (
          <Button class="danger" onClick={onEndOthers}>
            {texts.endOthers}
          </Button>
        )}
        <Button class="danger" onClick={onEndAll}>
          {texts.signOutEverywhere}
        </Button>
      </div>
    </section>
  )
}

/** The button that had the focus goes with its card: the focus moves to that of the next card. */
function focusBeside(id: string, heading: HTMLElement): void {
  const buttons = [...document.querySelectorAll<HTMLElement>('.session > .end')]
  const at = buttons.findIndex(button => button.parentElement?.dataset.session === id)
  if (document.activeElement !== buttons[at] && document.activeElement !== document.body) return
  const next = buttons[at + 1] ?? buttons[at - 1] ?? heading
  next.focus()
}

/** A name without one of these cannot be seen. */
const VISIBLE = /[^\p{Cf}\p{Z}]/u

function nameOf({ label, device }: Session): string {
  return label && VISIBLE.test(label) ? label : deviceWords(device)
}

interface SessionCardProps {
  session: Session
  /** Whether another session has the same name. */
  isNameShared: boolean
  onChanged(): void
  onEnded(name: string): void
}

function SessionCard({ session, isNameShared, onChanged, onEnded }: SessionCardProps) {
  const [isRenaming, setRenaming] = useState(false)
  const ending = useAction(session)
  const renameButton = useRef<HTMLButtonElement>(null)
  const { id, current, device, label, location, ip, last_active_at: seenAt } = session
  const name = nameOf(session)
  const place = placeWords(location)
  const distinctName = isNameShared && (place || ip) ? `${name}, ${place || ip}` : name
  const about = `about-${id}`

  async function end() {
    await client.sessions.revoke(id).catch(error => {
      // It ended elsewhere, which is what the person wants.
      if (!hasCode(error, 'session_not_found')) throw error
    })
    onEnded(distinctName)
  }
  function endRenaming() {
    setRenaming(false)
    // The button is back after the next drawing.
    requestAnimationFrame(() => renameButton.current?.focus())
  }
  return (
    <li class="card session" data-session={id}>
      <span class="device">
        <Icon name={device?.kind ?? 'unknown'} />
      </span>
      {isRenaming ? (
        <RenameForm session={session} name={name} onChanged={onChanged} onClosed={endRenaming} />
      ) : (
        <>
          <div class="about">
            <h3>
              <bdi>{name}</bdi> {current && <span class="badge">{texts.thisDevice}</span>}
            </h3>
            <div id={about}>
              <Facts facts={[label && deviceWords(device), place, ip]} />
              {seenAt !== null && (
                <p class="hint">
                  <LastActive at={seenAt} isNow={current} />
                </p>
              )}
            </div>
          </div>
          <Button
            ref={renameButton}
            class="icon"
            aria-label={texts.renameDevice(distinctName)}
            aria-describedby={about}
            title={texts.rename}
            onClick={() => setRenaming(true)}
          >
            <Icon name="rename" />
          </Button>
          {!current && (
            <Button
              class="end"
              aria-label={texts.endDevice(distinctName)}
              aria-describedby={about}
              isBusy={ending.isBusy}
              onClick={() => ending.run(end)}
            >
              {texts.end}
            </Button>
          )}
        </>
      )}
      <Failed failure={ending.failure} />
    </li>
  )
}

function LastActive({ at, isNow }: { at: string; isNow: boolean }) {
  const ago = isNow ? undefined : agoWords(at)
  if (ago === undefined) return <>{texts.activeNow}</>
  return (
    <time dateTime={at} title={dateWords(at)}>
      {texts.lastActive(ago.replaceAll(' ', '\u00a0'))}
    </time>
  )
}

interface RenameFormProps {
  session: Session
  name: string
  onChanged(): void
  onClosed(): void
}

function RenameForm({ session, name, onChanged, onClosed }: RenameFormProps) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const input = place.current!.querySelector('input')!
    input.focus()
    input.select()
  }, [])
  async function rename(label: string) {
    await client.sessions.rename(session.id, label || null)
    announce(texts.renamed)
    onChanged()
    onClosed()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape does what the button Cancel does.
    <div ref={place} class="about" onKeyDown={event => event.key === 'Escape' && onClosed()}>
      <Form
        submit={texts.save}
        fields={[
          {
            name: 'label',
            label: texts.deviceName,
            value: session.label ?? '',
            placeholder: name,
            maxLength: 100,
            autocomplete: 'off',
            isOptional: true,
          },
        ]}
        action={({ label = '' }) => rename(label.trim())}
        onCancel={onClosed}
      />
    </div>
  )
}
