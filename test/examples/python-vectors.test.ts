import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { FILE, python, skip } from './python-process.js'

const run = promisify(execFile)
const vectors = resolve(import.meta.dirname, '../vectors')
const read = async (name: string) => JSON.parse(await readFile(resolve(vectors, name), 'utf8'))

interface Replayed {
  states: { sent_id: string | null; last_event_id: string | null; is_complete: boolean; retry_ms: number }[]
  verdicts: string[]
  freshness: boolean[][]
}

async function replay(): Promise<Replayed> {
  const args = [resolve(import.meta.dirname, 'replay_vectors.py'), dirname(FILE), vectors]
  const { stdout } = await run(python!, args, { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } })
  return JSON.parse(stdout.split('\n').at(-1)!)
}

t.test('the Python verifier reads the streams of the test vectors', { skip }, async t => {
  const { streams } = await read('feed.json')
  const { states } = await replay()
  t.equal(states.length, streams.length)
  for (const [at, { about, last_event_id, after }] of streams.entries()) {
    const { position: _, ...expected } = after
    t.strictSame(states[at], { sent_id: last_event_id, ...expected }, about)
  }
})

t.test('the Python verifier gives each token of the test vectors its verdict', { skip }, async t => {
  const { tokens } = await read('feed.json')
  const { verdicts } = await replay()
  t.equal(verdicts.length, 200)
  for (const [at, { about, verdict }] of tokens.entries()) t.equal(verdicts[at], verdict, about)
})

t.test('the Python verifier knows when its list is fresh, as the test vectors say', { skip }, async t => {
  const { cases } = await read('freshness.json')
  const { freshness } = await replay()
  for (const [at, { about, steps }] of cases.entries()) {
    const asked = steps.filter((step: { do: string }) => step.do === 'ask')
    t.strictSame(
      freshness[at],
      asked.map(({ is_fresh }: { is_fresh: boolean }) => is_fresh),
      about,
    )
  }
})
