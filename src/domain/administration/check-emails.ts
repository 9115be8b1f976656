import type { AuthContext } from '../context.js'
import { asEmail, emailForms } from '../email.js'

/** An account whose e-mail an earlier version stored in another form than this one would. */
export interface EarlierEmail {
  id: string
  /** As it is stored. */
  email: string
  /** As it would be stored today; undefined for what is no address any more. */
  form: string | undefined
  /** Another account that has the same address in another form. */
  otherId: string | undefined
}

const PAGE_SIZE = 500
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

/** Finds the accounts whose e-mail is stored in an earlier form, in the order of their ids. It changes nothing. */
export async function* findEarlierEmails({ db }: Pick<AuthContext, 'db'>): AsyncGenerator<EarlierEmail> {
  let afterId = LOWEST_ID
  for (;;) {
    const page = await db.userPages.withUncommonDomains(afterId, PAGE_SIZE)
    for (const { id, email } of page) {
      const form = asEmail(email)
      if (form === email) continue
      const others = emailForms(email).filter(other => other !== email)
      const other = others.length > 0 ? await db.users.findByEmail(...others) : undefined
      yield { id, email, form, otherId: other?.id }
    }
    if (page.length < PAGE_SIZE) return
    afterId = page.at(-1)!.id
  }
}
