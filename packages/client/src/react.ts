import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import type { AuthClient, SecurityEvent, Session, User } from './types.js'

interface AuthContextValue {
  client: AuthClient
  initialUser: User | null | undefined
}

const AuthContext = createContext<AuthContextValue | undefined>(undefined)

export interface AuthProviderProps {
  client: AuthClient
  /** The user for whom a server rendered the page (`./server`), shown until the client knows more. */
  initialUser?: User | null
  children?: ReactNode
}

/** Gives a client to the hooks below it. */
export function AuthProvider({ client, initialUser, children }: AuthProviderProps): ReactElement {
  const value = useMemo(() => ({ client, initialUser }), [client, initialUser])
  return createElement(AuthContext.Provider, { value }, children)
}

/** @throws Error outside an `AuthProvider` */
function useAuth(): AuthContextValue {
  const value = useContext(AuthContext)
  if (!value) throw new Error('This hook needs an <AuthProvider> above it.')
  return value
}

export interface UseSession
  extends Pick<AuthClient, 'register' | 'login' | 'logout' | 'changePassword' | 'resetPassword' | 'fetch'> {
  /** Null if nobody is signed in, and while this is not known. */
  user: User | null
  /** Whether it is not known yet who is signed in. */
  isLoading: boolean
  isSignedIn: boolean
}

/** Who is signed in. The component is rendered again when this changes, in whichever tab. */
export function useSession(): UseSession {
  const { client, initialUser } = useAuth()
  const known = useSyncExternalStore(
    client.onChange,
    () => client.user,
    () => undefined,
  )
  const user = known === undefined ? initialUser : known
  const { register, login, logout, changePassword, resetPassword, fetch } = client
  return {
    user: user ?? null,
    isLoading: user === undefined,
    isSignedIn: Boolean(user),
    ...{ register, login, logout, changePassword, resetPassword, fetch },
  }
}

/** Something that is loaded, and can be loaded again. */
interface Loaded<T> {
  data: T | undefined
  isLoading: boolean
  /** An `AuthError`, or the `TypeError` of `fetch`; what was loaded before stays. */
  error: unknown
  /** Loads it now. Rejects if it fails. */
  load(): Promise<T>
  set(change: (data: T | undefined) => T | undefined): void
}

/** Loads something for the signed-in user, and forgets it when the user changes. An answer that is overtaken by a later one is not used. */
function useLoaded<T>(read: () => Promise<T>): Loaded<T> {
  const { user } = useSession()
  const userId = user?.id
  const [state, setState] = useState<{ userId?: string | undefined; data?: T | undefined; error?: unknown }>({})
  const latest = useRef(0)

  const load = useCallback(async () => {
    const number = ++latest.current
    try {
      const data = await read()
      if (number === latest.current) setState({ userId, data })
      return data
    } catch (error) {
      if (number === latest.current)
        setState(old => ({ userId, data: old.userId === userId ? old.data : undefined, error }))
      throw error
    }
  }, [read, userId])

  useEffect(() => {
    if (userId !== undefined) load().catch(() => {})
    return () => {
      latest.current++
    }
  }, [load, userId])

  const set = useCallback(
    (change: (data: T | undefined) => T | undefined) => setState(state => ({ ...state, data: change(state.data) })),
    [],
  )
  const isOfUser = userId !== undefined && state.userId === userId
  const data = isOfUser ? state.data : undefined
  const error = isOfUser ? state.error : undefined
  return { data, error, isLoading: userId !== undefined && data === undefined && error === undefined, load, set }
}

export interface UseSessions {
  /** Undefined until they are loaded, and if nobody is signed in. */
  sessions: Session[] | undefined
  isLoading: boolean
  error: unknown
  /** Loads the list again. */
  getSessions(): Promise<Session[]>
  /** Ends one; the own one signs out. */
  revokeSession(id: string): Promise<void>
  revokeOtherSessions(): Promise<void>
  /** Ends every session of the user, with this one. */
  revokeAllSessions(): Promise<void>
  /** @param label null removes the name */
  renameSession(id: string, label: string | null): Promise<void>
}

/** The sessions of the signed-in user. */
export function useSessions(): UseSessions {
  const { client } = useAuth()
  const { data, isLoading, error, load, set } = useLoaded(client.sessions.list)
  const actions = useMemo(() => {
    const change = (to: (sessions: Session[]) => Session[]) => {
      set(sessions => sessions && to(sessions))
      // An answer that is under way is older than the change.
      load().catch(() => {})
    }
    return {
      async revokeSession(id: string) {
        await client.sessions.revoke(id)
        change(sessions => sessions.filter(session => session.id !== id))
      },
      async revokeOtherSessions() {
        await client.sessions.revokeOthers()
        change(sessions => sessions.filter(({ current }) => current))
      },
      revokeAllSessions: () => client.logout({ scope: 'all' }),
      async renameSession(id: string, label: string | null) {
        await client.sessions.rename(id, label)
        change(sessions => sessions.map(session => (session.id === id ? { ...session, label } : session)))
      },
    }
  }, [client, set, load])
  return { sessions: data, isLoading, error, getSessions: load, ...actions }
}

export interface UseEvents {
  /** Newest first. Undefined until they are loaded, and if nobody is signed in. */
  events: SecurityEvent[] | undefined
  isLoading: boolean
  error: unknown
  /** Whether there are older ones. */
  hasMore: boolean
  /** Adds the next page of older ones. */
  loadMore(): Promise<void>
  /** Loads the newest again. */
  reload(): Promise<void>
}

/** What happened to the account of the signed-in user. */
export function useEvents({ limit = 20 }: { limit?: number } = {}): UseEvents {
  const { client } = useAuth()
  const read = useCallback(() => client.events({ limit }), [client, limit])
  const { data, isLoading, error, load, set } = useLoaded(read)
  return {
    events: data?.events,
    isLoading,
    error,
    hasMore: Boolean(data?.next),
    async loadMore() {
      const before = data?.next
      if (!before) return
      const page = await client.events({ limit, before })
      // Two calls at once read the same page.
      set(known => (known?.next === before ? { events: [...known.events, ...page.events], next: page.next } : known))
    },
    async reload() {
      await load()
    },
  }
}
