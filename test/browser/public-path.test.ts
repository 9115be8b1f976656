import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, type Page, type Response } from 'playwright-core'
import t, { type Test } from 'tap'
import { findFreePort } from '../../src/stores/embedded/find-free-port.js'
import { hasEnded } from '../../src/stores/embedded/stop-server.js'
import { buildTestApp } from '../support/build-test-app.js'
import { eventually } from '../support/eventually.js'
import { PASSWORD } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { findOnPath } from '../support/servers/find-on-path.js'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const NGINX = await findOnPath('nginx')
const skip = existsSync(CHROMIUM) && NGINX ? false : 'it needs the Debian packages chromium and nginx'

/** What stands behind `proxy_pass`: a slash there makes nginx strip the path. */
const STYLES = { 'strips the path': '/', 'passes the path on': '' }

/** An nginx on a port of its own that serves an instance below /identity/ and nothing else. */
async function startNginx(t: Test, { port, upstream }: { port: number; upstream: string }): Promise<void> {
  const folder = t.testdir()
  const configuration = `
daemon off; pid ${folder}/pid; worker_processes 1;
events {}
http {
  access_log off; proxy_max_temp_file_size 0; client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b;
  fastcgi_temp_path ${folder}/c; uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  server { listen 127.0.0.1:${port}; location /identity/ { proxy_pass ${upstream}; } }
}`
  await writeFile(join(folder, 'nginx.conf'), configuration)
  const child = spawn(NGINX!, ['-p', folder, '-e', 'stderr', '-c', 'nginx.conf'], { stdio: 'ignore' })
  await once(child, 'spawn')
  t.teardown(async () => {
    if (hasEnded(child)) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 404)
}

async function tryOut(page: Page, address: string): Promise<string> {
  const block = page.locator('.opblock', { has: page.locator(`[data-path="${address}"]`) })
  await block.locator('.opblock-summary-control').click()
  await block.locator('.try-out__btn').click()
  await block.locator('.execute').click()
  return block.locator('.live-responses-table .response .response-col_status').innerText()
}

for (const [style, rest] of Object.entries(STYLES))
  t.test(`the pages and the cookie work in a browser behind an nginx that ${style}`, { skip }, async t => {
    const port = await findFreePort()
    const origin = `http://localhost:${port}`
    const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: origin, PUBLIC_PATH: '/identity' })
    await startNginx(t, { port, upstream: `http://127.0.0.1:${await listen(app)}${rest}` })
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
    t.teardown(() => browser.close())
    const page = await browser.newPage()
    const answers: Response[] = []
    page.on('response', answer => answers.push(answer))

    for (const address of ['/docs', '/docs/', '/docs/static/index.html']) {
      await page.goto(`${origin}/identity${address}`)
      await page.locator('[data-path="/livez"]').waitFor()
    }
    t.match(await tryOut(page, '/livez'), '200')
    const { status } = await page.evaluate(
      async ([password]) => {
        const headers = { 'content-type': 'application/json' }
        const body = JSON.stringify({ email: 'ada@example.com', password })
        await fetch('/identity/auth/register', { method: 'POST', headers, body })
        return { status: (await fetch('/identity/auth/refresh', { method: 'POST' })).status }
      },
      [PASSWORD],
    )
    t.equal(status, 200, 'the browser sends the cookie back')
    t.ok(answers.length > 20)
    for (const answer of answers) {
      t.ok(answer.status() < 400, `${answer.status()} ${answer.url()}`)
      t.ok(answer.url().startsWith(`${origin}/identity/`), answer.url())
    }
  })
