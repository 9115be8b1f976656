import type { Session } from '@latchkey/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { describeFailure } from '../failures.js'
import { Field, Form } from '../form.js'
import { Icon } from '../icons.js'
import { usePage } from '../page.js'
import { agoWords, DOT, dateWords, deviceWords, placeWords } from '../words.js'

interface SessionsProps {
  sessions: readonly Session[]
  onChanged(): void
  onEndOthers(): void
  onEndAll(): void
}

/** The devices that are signed in, each as a card. */
export function Sessions({ sessions, onChanged, onEndOthers, onEndAll }: SessionsProps) {
  const { texts, announce } = usePage()
  const heading = useRef<HTMLHeadingElement>(null)
  const hasOthers = sessions.some(({ current }) => !current)
  function onEnded(name: string) {
    announce(texts.ended(name))
    // The button that had the focus is gone with its card.
    heading.current?.focus()
    onChanged()
  }
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions" ref={heading} tabIndex={-1}>
        {texts.sessions}
      </h2>
      <ul class="cards">
        {sessions.map(session => (
          <SessionCard key={session.id} session={session} onChanged={onChanged} onEnded={onEnded} />
        ))}
      </ul>
      {!hasOthers && <p class="hint">{texts.onlyThis}</p>}
      <div class="buttons">
        {hasOthers && (
          <button type="button" class="danger" onClick={onEndOthers}>
            {texts.endOthers}
          </button>
        )}
        <button type="button" class="danger" onClick={onEndAll}>
          {texts.signOutEverywhere}
        </button>
      </div>
    </section>
  )
}

interface SessionCardProps {
  session: Session
  onChanged(): void
  onEnded(name: string): void
}

function SessionCard({ session, onChanged, onEnded }: SessionCardProps) {
  const { texts, client } = usePage()
  const [isRenaming, setRenaming] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  const renameButton = useRef<HTMLButtonElement>(null)
  const { id, current, device, label, location, ip, last_active_at: seenAt } = session
  const description = deviceWords(device, texts)
  const name = label ?? description
  const place = [label ? description : '', placeWords(location, texts), ip].filter(Boolean).join(DOT)

  async function end() {
    setFailure(undefined)
    await client.sessions.revoke(id).then(() => onEnded(name), setFailure)
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
              {name} {current && <span class="badge">{texts.thisDevice}</span>}
            </h3>
            <p class="hint">{place}</p>
            <p class="hint">
              <LastActive at={seenAt} isNow={current} />
            </p>
          </div>
          <button
            ref={renameButton}
            type="button"
            class="icon"
            aria-label={texts.renameDevice(name)}
            title={texts.rename}
            onClick={() => setRenaming(true)}
          >
            <Icon name="rename" />
          </button>
          {!current && (
            <button type="button" class="end" aria-label={texts.endDevice(name)} onClick={end}>
              {texts.end}
            </button>
          )}
        </>
      )}
      {failure !== undefined && (
        <p role="alert" class="failure">
          {describeFailure(failure, texts).message}
        </p>
      )}
    </li>
  )
}

function LastActive({ at, isNow }: { at: string | null; isNow: boolean }) {
  const { texts } = usePage()
  const ago = at === null || isNow ? undefined : agoWords(at, texts)
  if (at === null || ago === undefined) return <>{texts.activeNow}</>
  return (
    <time dateTime={at} title={dateWords(at, texts)}>
      {texts.lastActive(ago)}
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
  const { texts, client, announce } = usePage()
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
        action={({ label = '' }) => rename(label.trim())}
        others={
          <button type="button" onClick={onClosed}>
            {texts.cancel}
          </button>
        }
      >
        <Field
          name="label"
          label={texts.deviceName}
          value={session.label ?? ''}
          placeholder={name}
          maxLength={100}
          autocomplete="off"
          isOptional
        />
      </Form>
    </div>
  )
}
