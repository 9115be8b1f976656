import t from 'tap'
import { skip } from '../browser/chromium.js'
import { ADA, openClientPages } from './client-page.js'

const APP = `
  import { createElement as h, StrictMode } from 'react'
  import { createRoot } from 'react-dom/client'
  import { AuthProvider, useEvents, useSession, useSessions } from '@latchkey/client/react'

  function App() {
    const session = useSession()
    const { sessions, getSessions, revokeSession, revokeAllSessions, renameSession } = useSessions()
    const events = useEvents({ limit: 1 })
    globalThis.actions = { ...session, getSessions, revokeSession, revokeAllSessions, renameSession, ...events }
    if (session.isLoading) return h('p', null, 'loading')
    if (!session.isSignedIn) return h('p', null, 'signed out')
    return h('div', null,
      h('p', null, session.user.email),
      h('ul', null, sessions?.map(({ id, label, current }) => h('li', { key: id, id }, label ?? (current ? 'this' : 'other')))),
      h('ol', null, events.events?.map(({ id, type }) => h('li', { key: id }, type))))
  }

  const root = document.body.appendChild(document.createElement('main'))
  const start = () => globalThis.client
    ? createRoot(root).render(h(StrictMode, null, h(AuthProvider, { client }, h(App))))
    : setTimeout(start)
  start()`

declare global {
  var actions: ReturnType<typeof import('@latchkey/client/react').useSession> &
    ReturnType<typeof import('@latchkey/client/react').useSessions> &
    ReturnType<typeof import('@latchkey/client/react').useEvents>
}

t.test('the hooks show the user, the sessions and the events, and follow every change', { skip }, async t => {
  const { open, newContext } = await openClientPages(t, {}, APP)
  const [tab, second] = [await open(), await open()]
  await tab.getByText('signed out').waitFor()
  await tab.evaluate(ada => actions.register(ada), ADA)
  await tab.getByText(ADA.email).waitFor()
  await second.getByText(ADA.email).waitFor()
  const items = () => tab.locator('ul li').allTextContents()
  await tab.locator('ul li').first().waitFor()
  t.strictSame(await items(), ['this'])

  const other = await open(await newContext())
  await other.evaluate(ada => actions.login(ada), ADA)
  await tab.evaluate(() => actions.getSessions())
  await tab.getByText('other').waitFor()
  const id = await tab.getByText('other').getAttribute('id')
  await tab.evaluate(id => actions.renameSession(id!, 'The phone'), id)
  await tab.getByText('The phone').waitFor()
  await tab.evaluate(id => actions.revokeSession(id!), id)
  await tab.getByText('The phone').waitFor({ state: 'detached' })
  t.equal(await other.evaluate(async () => (await actions.fetch('/auth/profile')).status), 401)
  await other.getByText('signed out').waitFor()

  t.equal(await tab.locator('ol li').count(), 1)
  await tab.evaluate(() => actions.reload())
  await tab.evaluate(async () => {
    await Promise.all([actions.loadMore(), actions.loadMore()])
  })
  await tab.locator('ol li').nth(1).waitFor()
  t.equal(await tab.locator('ol li').count(), 2, 'the same page is added once')

  await tab.evaluate(() => actions.revokeAllSessions())
  for (const each of [tab, second]) await each.getByText('signed out').waitFor()
})

t.test('a hook outside a provider says what is missing, and a server can render', async t => {
  const [{ createElement }, { renderToString }, { AuthProvider, useSession }, { createAuthClient }] = await Promise.all(
    [import('react'), import('react-dom/server'), import('@latchkey/client/react'), import('@latchkey/client')],
  )
  const Name = () => {
    const { user, isLoading } = useSession()
    return createElement('p', null, isLoading ? 'loading' : (user?.email ?? 'signed out'))
  }
  const client = createAuthClient({ baseUrl: 'http://localhost:1' })
  const render = (props: object) =>
    renderToString(createElement(AuthProvider, { client, ...props }, createElement(Name)))
  t.throws(() => renderToString(createElement(Name)), /AuthProvider/)
  t.equal(render({}), '<p>loading</p>')
  t.equal(render({ initialUser: null }), '<p>signed out</p>')
  const user = { id: '1', email: ADA.email, email_verified: false, username: null, roles: [], created_at: '' }
  t.equal(render({ initialUser: user }), `<p>${ADA.email}</p>`)
})

t.test('a list that cannot be loaded never shows that of another user', { skip }, async t => {
  const { open, context } = await openClientPages(t, {}, APP)
  const tab = await open()
  await tab.getByText('signed out').waitFor()
  await tab.evaluate(ada => actions.register(ada), ADA)
  await tab.locator('ul li').first().waitFor()
  await context.route(/sessions$|events\?/, route => route.fulfill({ status: 503, body: 'no' }))
  await tab.evaluate(ada => actions.register({ ...ada, email: 'grace@example.com' }), ADA)
  await tab.getByText('grace@example.com').waitFor()
  await tab.waitForTimeout(300)
  t.equal(await tab.locator('li').count(), 0)
})
