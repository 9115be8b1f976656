/** What is stored for an account that has no password: no password matches it, and a reset replaces it. */
export const UNUSABLE_HASH = '!'
