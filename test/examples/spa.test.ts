import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { skip, startChromium } from '../browser/chromium.js'
import { until } from '../support/eventually.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { findSpaPorts, SPA, type SpaPorts, spawnSpa, startSpa } from './spa-process.js'

const PASSWORD = 'a mill of brass'
/** Less than that of `until`, which tries again. */
const ACTION_TIMEOUT_MS = 5_000
const PHONE = 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'

async function open(browser: Browser, ports: SpaPorts, userAgent?: string): Promise<Page> {
  const context = await browser.newContext({ ...(userAgent !== undefined && { userAgent }) })
  const page = await context.newPage()
  await page.goto(`http://localhost:${ports.page}`)
  await page.getByRole('heading', { name: 'Notes' }).waitFor()
  return page
}

async function fill(page: Page, email: string, password: string, button: string): Promise<void> {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: button, exact: true }).click()
}

async function addNote(page: Page, text: string): Promise<void> {
  await page.getByLabel('A new note').fill(text, { timeout: ACTION_TIMEOUT_MS })
  await page.getByRole('button', { name: 'Add' }).click({ timeout: ACTION_TIMEOUT_MS })
}

/** A note that is sent before the service knows of the revocation is accepted, so another one is sent. */
async function actUntilSignedOut(page: Page): Promise<void> {
  await until(async () => {
    if (await signInForm(page).isVisible()) return true
    await addNote(page, 'Too late')
    await page.waitForTimeout(200)
    return signInForm(page).isVisible()
  }, 'the page of an ended session shows the sign-in form')
}

const signInForm = (page: Page) => page.getByRole('button', { name: 'Sign in', exact: true })

t.test('the example of a single-page application', { skip }, async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const browser = await startChromium(t)

  for (const args of [[], ['--one-origin']]) {
    const isOneOrigin = args.length > 0
    await t.test(isOneOrigin ? 'everything at one origin' : 'three origins of one site', async t => {
      const ports = await findSpaPorts()
      const spa = await startSpa(t, ports, dataDir, args)
      const email = `ada-${ports.page}@example.com`

      const desk = await open(browser, ports)
      await desk.getByRole('button', { name: 'Create an account instead' }).click()
      await fill(desk, email, 'short', 'Create an account')
      await desk.getByText('Password must have at least 8 characters.').waitFor()
      const field = desk.locator('.field', { has: desk.getByLabel('Password') })
      t.match(await field.innerText(), 'Password must have at least 8 characters.', 'an error is shown at its field')
      await fill(desk, email, PASSWORD, 'Create an account')
      await addNote(desk, 'Order brass cogs')
      await desk.getByText('Order brass cogs').waitFor()

      const phone = await open(browser, ports, PHONE)
      await fill(phone, email, 'a mill of bronze', 'Sign in')
      await phone.getByText('The sign-in name or the password is wrong.').waitFor()
      await fill(phone, email, PASSWORD, 'Sign in')
      await phone.getByText('Order brass cogs').waitFor()

      await desk.reload()
      await desk.getByText('Order brass cogs').waitFor()
      t.notOk(await signInForm(desk).isVisible(), 'after a reload the user is still signed in')

      const refusals: string[] = []
      phone.on('response', response => {
        const { origin, pathname } = new URL(response.url())
        if (response.status() === 401) refusals.push(`${origin}${pathname}`)
      })
      await desk.getByRole('button', { name: 'End the session of Firefox on Android' }).click()
      await desk.getByText('127.0.0.1, active').nth(1).waitFor({ state: 'detached' })
      await actUntilSignedOut(phone)
      const notesOrigin = `http://localhost:${isOneOrigin ? ports.page : ports.notes}`
      t.equal(refusals[0], `${notesOrigin}/notes`, 'the service refuses the access token, which has not expired')
      await phone.getByText('You are signed out.').waitFor()

      await fill(phone, email, PASSWORD, 'Sign in')
      await phone.getByText('Order brass cogs').waitFor()
      await phone.getByRole('button', { name: 'Sign out', exact: true }).click()
      await signInForm(phone).waitFor()
      t.equal(await desk.getByText('Your notes').count(), 1, 'a sign-out ends this session only')

      await fill(phone, email, PASSWORD, 'Sign in')
      await phone.getByRole('button', { name: 'Sign out everywhere' }).click()
      await signInForm(phone).waitFor()
      await actUntilSignedOut(desk)

      spa.child.kill('SIGINT')
      t.equal(await spa.exited, 0)
      for (const [name, port] of Object.entries(ports))
        await t.rejects(fetch(`http://localhost:${port}`), `Ctrl-C ends what listened on the port for ${name}`)
    })
  }
})

t.test('a port that is taken is named, with the variable for another one', async t => {
  const ports = await findSpaPorts()
  const server = createServer().listen(ports.notes, 'localhost')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const spa = spawnSpa(t, ports, join(await makeFolder(t), '.latchkey'))
  t.equal(await spa.exited, 1)
  t.equal(
    spa.output(),
    `Port ${ports.notes} is taken. Stop the program that uses it, or choose another port with NOTES_PORT.\n`,
  )
})

t.test('vite build makes the page', async t => {
  const folder = await makeFolder(t)
  const vite = resolve(SPA, '../../node_modules/vite/bin/vite.js')
  const { PATH, HOME } = process.env
  const args = [vite, 'build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'warn']
  await promisify(execFile)(process.execPath, args, { cwd: SPA, env: { PATH, HOME } })
  t.match(await readFile(join(folder, 'index.html'), 'utf8'), /<script type="module"[^>]* src="\/assets\/index-/)
  const scripts = (await readdir(join(folder, 'assets'))).filter(name => name.endsWith('.js'))
  const sizes = await Promise.all(
    scripts.map(async name => gzipSync(await readFile(join(folder, 'assets', name))).length),
  )
  t.comment(`${sizes.reduce((sum, size) => sum + size)} bytes of scripts, compressed`)
})
