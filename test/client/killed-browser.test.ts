import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { skip, startChromiumWithProfile } from '../browser/chromium.js'
import { buildTestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { ADA, bundleClient, emailOf, listenWithPage } from './client-page.js'

// Chromium writes its cookies to disk within half a minute. A browser that is killed before that comes back with an
// earlier refresh token. The clock of the service is moved, so that the test only has to wait for the disk once.

const FLUSHED_MS = 31_000

t.test('a browser that is killed seconds after a refresh is still signed in', { skip, timeout: 120_000 }, async t => {
  const [port, profile, script] = [await findFreePort(), await makeFolder(t), await bundleClient()]
  const origin = `http://localhost:${port}`
  const { app, clock, database } = await buildTestApp(t, { PUBLIC_ORIGIN: origin })
  await listenWithPage(t, app, port, script)
  const open = async (): Promise<[BrowserContext, Page]> => {
    const context = await startChromiumWithProfile(t, profile)
    const page = await context.newPage()
    await page.goto(`${origin}/page`)
    await page.waitForFunction(() => globalThis.client !== undefined)
    return [context, page]
  }

  const [, page] = await open()
  t.equal(await emailOf(page), null)
  await page.evaluate(ada => client.register(ada), ADA)
  await page.waitForTimeout(FLUSHED_MS)
  await clock.advance(60)
  const token = await page.evaluate(() => client.getAccessToken())
  await page.evaluate(async token => {
    await client.getAccessToken({ insteadOf: token! })
    await client.fetch('/auth/profile')
  }, token)
  t.match(await generations(), [{ generation: 1 }], 'the token was rotated')
  await kill(profile)

  await clock.advance(5)
  const [, again] = await open()
  t.equal(await emailOf(again), ADA.email)
  t.strictSame(await again.evaluate(async () => (await client.fetch('/auth/profile')).status), 200)
  const { count } = (await database.admin`select count(*)::int from sessions`)[0]!
  t.equal(count, 1)

  async function generations() {
    return database.admin`select generation::int from refresh_tokens`
  }
})

/** Ends the browser of a profile as a crash does. */
async function kill(profile: string): Promise<void> {
  const pids = async () => {
    const names = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
    const lines = await Promise.all(names.map(pid => readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')))
    return names.filter((_, n) => lines[n]!.includes(`--user-data-dir=${profile}`)).map(Number)
  }
  for (const pid of await pids()) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended with another one.
    }
  }
  await until(async () => (await pids()).length === 0)
}
