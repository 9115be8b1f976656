import { createAuthClient } from '@latchkey/client'

/** Where Latchkey and the service of the notes answer. Without these variables: at the origin of this page. */
export const { VITE_LATCHKEY_URL: LATCHKEY_URL = '', VITE_NOTES_URL: NOTES_URL = '' } = import.meta.env

/** One client for the whole page. It sends the access token to the origins that are named here, and to no others. */
export const auth = createAuthClient({ baseUrl: LATCHKEY_URL, origins: NOTES_URL ? [NOTES_URL] : [] })
