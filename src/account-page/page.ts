import { createAuthClient } from '@latchkey/client'

// What every part of the page works with. There is one page in a document, whose attributes say what the settings of the
// service are.

/** Where the page is drawn. */
export const root = document.getElementById('page')!

const { dataset } = root

/** What the paths of the service begin with. */
export const base = dataset.base!
/** REGISTRATION: whether people can create accounts themselves, and whether a letter comes first. */
export const registration = dataset.registration as 'open' | 'verified' | 'closed'
/** The types of the letters that people can ask for here. */
export const letters = new Set(dataset.letters!.split(' '))
/** PASSWORD_MIN_LENGTH. */
export const passwordMinLength = Number(dataset.passwordMinLength)
/** ACCOUNT_DELETION_DELAY. */
export const deletionDelaySeconds = Number(dataset.deletionDelay)

export const client = createAuthClient({ baseUrl: base })
