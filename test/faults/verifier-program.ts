import { createInterface } from 'node:readline'
import { createVerifier, type Verifier } from '@latchkey/verifier'
import { TokenWatch } from './token-watch.js'
import { logInto } from './watching-verifier.js'

// A service with a verifier, in its own process: see watching-verifier.ts. It reads commands from standard input, one
// JSON value a line, and answers on standard output.

const lines: string[] = []
let verifier: Verifier
let watch: TokenWatch

for await (const line of createInterface({ input: process.stdin })) {
  const { what, value } = JSON.parse(line)
  if (what === 'start') {
    shiftClock(value.clockShiftMs)
    verifier = createVerifier({ ...value.options, log: logInto(lines) })
    watch = new TokenWatch(verifier)
    void verifier.ready({ timeoutMs: value.readyMs }).then(
      () => answer(value.to, undefined),
      (error: Error) => answer(value.to, error.message),
    )
  } else if (what === 'watch') watch!.watch(value.id, value.token)
  else answer(value.to, { episodes: watch!.episodes, status: verifier!.status(), lines })
}
watch!.stop()
await verifier!.close()

function answer(to: string, value: unknown): void {
  process.stdout.write(`${JSON.stringify({ to, value })}\n`)
}

/** Everything in this process that asks for the time gets another one. The monotonic clock stays as it is. */
function shiftClock(ms: number): void {
  if (ms === 0) return
  const trueNow = Date.now.bind(Date)
  const shifted = new Proxy(Date, {
    construct: (target, args) => (args.length === 0 ? new target(trueNow() + ms) : Reflect.construct(target, args)),
    get: (target, name) => (name === 'now' ? () => trueNow() + ms : Reflect.get(target, name)),
  })
  globalThis.Date = shifted
}
