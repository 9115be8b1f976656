/**
 * Starts the whole example: Latchkey with a Postgres of its own, the service of the notes, and Vite. Ctrl-C ends all.
 *
 *     npm start                    the page, Latchkey and the service at three origins of one site
 *     npm start -- --one-origin    all of it at the origin of the page: Vite forwards the requests
 *
 * PAGE_PORT, LATCHKEY_PORT, NOTES_PORT: 5173, 3000 and 3001 by default
 * DATA_DIR: the folder of the database and of the secrets; .latchkey by default
 */
import { parseArgs } from 'node:util'
import { buildPackages, createClientOnce, LATCHKEY } from './start/latchkey.mjs'
import { refuseTakenPort, startProcess, stopProcesses } from './start/processes.mjs'

const { PAGE_PORT = '5173', LATCHKEY_PORT = '3000', NOTES_PORT = '3001', DATA_DIR = '.latchkey' } = process.env
const [page, latchkey, notes] = [PAGE_PORT, LATCHKEY_PORT, NOTES_PORT].map(port => `http://localhost:${port}`)

let vite
let stopping
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0))

try {
  await start()
} catch (error) {
  // What is stopped while it starts fails too.
  if (!stopping) console.error(error.message)
  await stop(1)
}

async function start() {
  const { values } = parseArgs({ options: { 'one-origin': { type: 'boolean', default: false } } })
  const isOneOrigin = values['one-origin']
  await refuseTakenPort('PAGE_PORT', PAGE_PORT)
  await refuseTakenPort('LATCHKEY_PORT', LATCHKEY_PORT)
  await refuseTakenPort('NOTES_PORT', NOTES_PORT)
  await buildPackages()

  await startProcess('Latchkey', [LATCHKEY, 'serve'], {
    env: {
      PORT: LATCHKEY_PORT,
      DATA_DIR,
      LOG_LEVEL: 'warn',
      LOG_FORMAT: 'pretty',
      ...(!isOneOrigin && { CORS_ORIGINS: page }),
    },
    readyAt: `${latchkey}/readyz`,
    onExit: stop,
  })
  const client = await createClientOnce('notes', DATA_DIR)
  await startProcess('The service of the notes', ['service/server.mjs'], {
    env: {
      PORT: NOTES_PORT,
      LATCHKEY_URL: latchkey,
      LATCHKEY_CLIENT_ID: client.client_id,
      LATCHKEY_CLIENT_SECRET: client.client_secret,
      ...(!isOneOrigin && { PAGE_ORIGIN: page }),
    },
    readyAt: `${notes}/ready`,
    onExit: stop,
  })
  await startVite(isOneOrigin)

  const ways = isOneOrigin ? 'all at the origin of the page' : `with ${latchkey} and ${notes}`
  console.log(`\nThe page is ready at ${page}, ${ways}. Ctrl-C ends everything.`)
}

/** In this process, with vite.config.js. The page knows other origins by variables that begin with VITE_. */
async function startVite(isOneOrigin) {
  const addresses = isOneOrigin
    ? { LATCHKEY_URL: latchkey, NOTES_URL: notes }
    : { VITE_LATCHKEY_URL: latchkey, VITE_NOTES_URL: notes }
  Object.assign(process.env, addresses)
  const { createServer } = await import('vite')
  vite = await createServer({ root: import.meta.dirname, logLevel: 'warn' })
  await vite.listen()
}

/** Ends everything that was started, the service before Latchkey, and then this process. */
function stop(code) {
  stopping ??= (async () => {
    await vite?.close()
    await stopProcesses()
    process.exit(code)
  })()
  return stopping
}
