import type { AuthClient, SecurityEvent, Session } from '@latchkey/client'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

/** The sessions and the events of the signed-in user. */
export interface AccountLists {
  sessions?: readonly Session[]
  events?: readonly SecurityEvent[]
  /** Why the last attempt to read them failed. What was read before stays. */
  failure?: unknown
  hasMore: boolean
  reload(): void
  /** Takes a session that has ended from the list, and reads both lists again. */
  removeSession(id: string): void
  /** @returns how many events were added */
  loadMore(): Promise<number>
}

const PAGE_SIZE = 10

/** Reads both lists, and again when the user changes, the tab is seen again or the network is back. */
export function useAccountLists(client: AuthClient): AccountLists {
  const [sessions, setSessions] = useState<readonly Session[]>()
  const [page, setPage] = useState<{ events: readonly SecurityEvent[]; next: string | null }>()
  const [failure, setFailure] = useState<unknown>()

  const attempts = useRef(0)

  const reload = useCallback(() => {
    const attempt = ++attempts.current
    // An answer that comes after a later question is old.
    const isLatest = () => attempt === attempts.current
    setFailure(undefined)
    Promise.all([client.sessions.list(), client.events({ limit: PAGE_SIZE })]).then(
      ([sessions, newest]) => {
        if (!isLatest()) return
        setSessions([...sessions].sort(byActivity))
        setPage(known => withNewest(known, newest))
      },
      error => isLatest() && setFailure(error),
    )
  }, [client])

  useEffect(() => {
    const ending = new AbortController()
    document.addEventListener('visibilitychange', () => !document.hidden && reload(), { signal: ending.signal })
    addEventListener('online', reload, { signal: ending.signal })
    const stop = client.onChange(user => user && reload())
    reload()
    return () => {
      ending.abort()
      stop()
    }
  }, [client, reload])

  return {
    ...(sessions && { sessions }),
    ...(page && { events: page.events }),
    failure,
    hasMore: Boolean(page?.next),
    reload,
    removeSession(id) {
      setSessions(known => known?.filter(session => session.id !== id))
      reload()
    },
    async loadMore() {
      const { events, next } = await client.events({ limit: PAGE_SIZE, before: page!.next! })
      setPage(known => ({ events: [...known!.events, ...events], next }))
      return events.length
    },
  }
}

/** The session of this page, then the one that was used last. */
function byActivity(a: Session, b: Session): number {
  return (
    Number(b.current) - Number(a.current) || Date.parse(b.last_active_at ?? '') - Date.parse(a.last_active_at ?? '')
  )
}

type EventPage = { events: readonly SecurityEvent[]; next: string | null }

/** The newest events before those that are shown. If some between them are missing, only the newest. */
function withNewest(known: EventPage | undefined, newest: EventPage): EventPage {
  const ids = new Set(newest.events.map(({ id }) => id))
  const older = known?.events.filter(({ id }) => !ids.has(id)) ?? []
  if (!known || older.length === known.events.length) return newest
  return { events: [...newest.events, ...older], next: known.next }
}
