/** `@latchkey/client`: keeps a user of a page signed in at Latchkey. */
export { createAuthClient } from './create-auth-client.js'
export { AuthError, type FieldError } from './requests.js'
export type {
  AuthClient,
  AuthClientOptions,
  Credentials,
  Device,
  EventPage,
  LogoutScope,
  RefreshTokenStorage,
  SecurityEvent,
  Session,
  SignedInUser,
  User,
} from './types.js'
