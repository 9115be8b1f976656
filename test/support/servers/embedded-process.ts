import { startEmbeddedPostgres } from '../../../src/embedded-postgres/start.js'
import { query } from './query.js'

// A small program for tests of the embedded Postgres. It starts Postgres on the folder in its argument, and prints one
// line of JSON. On SIGINT it shuts down as the service does, which still uses its database then.
const log = { info: () => {}, warn: () => {}, error: () => {} }
try {
  const { url, dataDir, stop } = await startEmbeddedPostgres({ dataDir: process.argv[2]!, log })
  process.once('SIGINT', async () => {
    for (let i = 0; i < 10; i++) await query(url, 'select 1')
    await stop()
    process.exit(0)
  })
  process.stdout.write(`${JSON.stringify({ url, dataDir })}\n`)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
  process.exit(1)
}
