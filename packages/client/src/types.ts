/** How a client finds the service and keeps its tokens. */
export interface AuthClientOptions {
  /** Where Latchkey answers: `https://auth.example.com`. By default at the page's own origin, whatever its `<base>`. */
  baseUrl?: string
  /**
   * `cookie`: the refresh token is in a cookie that no script can read. `body`: for hosts without cookies, such as web
   * views; then `storage` is required.
   */
  transport?: 'cookie' | 'body'
  /** Where the refresh token is kept with `transport: 'body'`. */
  storage?: RefreshTokenStorage
  /** The origins that get the access token from `fetch`, beside those of the page and of Latchkey. */
  origins?: readonly string[]
}

/** For example the keychain of a phone. Its methods may return promises. */
export interface RefreshTokenStorage {
  get(): string | null | undefined | Promise<string | null | undefined>
  /** @param token null if the session has ended */
  set(token: string | null): void | Promise<void>
}

/** An account as the service describes it. */
export interface User {
  id: string
  email: string
  /** Whether the user has shown that letters to this address arrive. */
  email_verified: boolean
  username: string | null
  roles: string[]
  /** What the application says about the user in access tokens. */
  claims: Record<string, unknown>
  created_at: string
}

/** The user after a sign-in. */
export interface SignedInUser extends User {
  /** Whether the user had asked for the deletion of the account, which this sign-in has cancelled. */
  deletion_cancelled?: boolean
}

/** With an e-mail address or, where the service allows it, a user name. */
export type Credentials = ({ email: string } | { username: string }) & {
  password: string
  /** False on a shared computer: the session ends with the browser. By default true. */
  remember?: boolean
}

/** The browser, the system and the kind of a device. */
export interface Device {
  browser: string | null
  os: string | null
  kind: 'desktop' | 'mobile' | 'tablet' | 'tv' | 'app' | 'bot' | 'unknown'
}

/** A sign-in on one device. Instants are ISO 8601. */
export interface Session {
  id: string
  /** Whether it is the one that asks. */
  current: boolean
  device: Device | null
  label: string | null
  ip: string | null
  location: { country: string; city: string | null } | null
  auth_methods: string[]
  transport: 'cookie' | 'body'
  remember: boolean
  created_at: string
  last_active_at: string | null
  expires_at: string
  idle_expires_at: string
  is_active: boolean
}

/** A sign-in, a refused attempt, or the end of a session. */
export interface SecurityEvent {
  id: string
  /** When it happened. */
  at: string
  /** docs/events.md of Latchkey describes each type. */
  type: string
  session_id: string | null
  /** `user`, `system` or `administrator`. */
  actor: string
  ip: string | null
  user_agent: string | null
  device: Device | null
  location: { country: string; city: string | null } | null
  details: Record<string, unknown>
}

/** A page of events, newest first. */
export interface EventPage {
  events: SecurityEvent[]
  /** The `before` of the next page; null on the last page. */
  next: string | null
}

/** Which sessions a sign-out ends: this one, the others, or all. */
export type LogoutScope = 'session' | 'others' | 'all'

/**
 * Keeps a user signed in. Every method that asks the service can throw an `AuthError`, the `TypeError` of `fetch`
 * if the network is down, or a `TimeoutError`. None means that the user is signed out: that is `user === null`.
 */
export interface AuthClient {
  /** The signed-in user; null if nobody is signed in; undefined until this is known. */
  readonly user: User | null | undefined
  /**
   * Creates an account and signs in. Undefined if Latchkey has sent a letter instead: there is an account when its link was
   * used (`REGISTRATION=verified`).
   */
  register(credentials: Credentials & { email: string }): Promise<User | undefined>
  login(credentials: Credentials): Promise<SignedInUser>
  /** Resolves when the service has ended the session. If it cannot be reached, the user stays signed in. */
  logout(options?: { scope?: LogoutScope }): Promise<void>
  /** Ends every other session. `email` is only needed if nobody is signed in: for a temporary password. */
  changePassword(change: {
    currentPassword: string
    newPassword: string
    email?: string
    remember?: boolean
  }): Promise<SignedInUser>
  /** @param reset the token from the link that the user received */
  resetPassword(reset: { token: string; newPassword: string; remember?: boolean }): Promise<SignedInUser>
  /** Like `fetch` of the page, with the access token for the allowed origins. */
  fetch: typeof fetch
  /**
   * A valid access token, refreshed if necessary; undefined if nobody is signed in.
   *
   * @param options with `insteadOf`, a newer token than this one, which a service refused
   */
  getAccessToken(options?: { insteadOf?: string }): Promise<string | undefined>
  /** Whether `fetch` sends the access token to this address. */
  allows(url: string | URL): boolean
  readonly sessions: {
    list(): Promise<Session[]>
    revoke(id: string): Promise<void>
    revokeOthers(): Promise<void>
    /** @param label null removes the name */
    rename(id: string, label: string | null): Promise<void>
  }
  /** What happened to the account, newest first. */
  events(page?: { limit?: number; before?: string }): Promise<EventPage>
  /**
   * Calls a function after each sign-in, sign-out or change of the user, in this tab or in another one.
   *
   * @returns a function that ends this
   */
  onChange(listener: (user: User | null) => void): () => void
  /** Ends timers and listeners. The session continues. */
  close(): void
}
