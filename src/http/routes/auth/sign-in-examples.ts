const email = 'ada@example.com'
const password = 'seven green boats at noon'
const newPassword = 'eight green boats at noon'

/** Bodies that succeed one after the other, in the order in which a person tries the operations at /docs. */
export const examples = {
  register: {
    browser: { summary: 'In a browser', value: { email, password } },
    app: { summary: 'In an app', value: { email, password, transport: 'body' } },
  },
  logIn: {
    browser: { summary: 'In a browser', value: { email, password } },
    sharedComputer: { summary: 'At a shared computer', value: { email, password, remember: false } },
    app: { summary: 'In an app', value: { email, password, transport: 'body' } },
    username: { summary: 'With a username', value: { username: 'ada', password } },
  },
  refresh: {
    browser: { summary: 'In a browser, which sends the cookie', value: {} },
    app: { summary: 'In an app', value: { refresh_token: 'lk_rt_…' } },
    server: { summary: 'On a server that cannot set cookies', value: { rotate: false } },
  },
  logOut: {
    session: { summary: 'This session', value: { scope: 'session' } },
    others: { summary: 'All sessions except this one', value: { scope: 'others' } },
    all: { summary: 'All sessions', value: { scope: 'all' } },
  },
  changePassword: {
    signedIn: {
      summary: 'A signed-in user',
      value: { current_password: password, new_password: newPassword },
    },
    temporaryPassword: {
      summary: 'With a temporary password, before signing in',
      value: { email, current_password: password, new_password: newPassword },
    },
  },
  deleteAccount: {
    signedIn: { summary: 'A signed-in user', value: { current_password: password } },
  },
  resetPassword: {
    browser: { summary: 'With the token from the mail', value: { token: 'lk_pr_…', new_password: newPassword } },
  },
}
