import { cpus } from 'node:os'
import { startIssuer } from './verifier/issuer.js'
import { measureKnownTokens } from './verifier/known-tokens.js'
import { measureLists } from './verifier/lists.js'
import { measureRequests } from './verifier/requests.js'
import { printTable } from './verifier/table.js'
import { measureUnknownTokens } from './verifier/unknown-tokens.js'

// `npm run bench:verifier`: what verifying a token costs another service. docs/bench.md has the results and says how to
// read them.

const REVOCATIONS = 100_000

const issuer = await startIssuer()
console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}\n`)
issuer.prepare(REVOCATIONS)

printTable(
  ['a token whose signature was checked before', 'µs of CPU'],
  (await measureKnownTokens(issuer, REVOCATIONS)).map(({ name, microseconds }) => [name, microseconds.toFixed(2)]),
)

const [bare, ...guarded] = await measureRequests(issuer)
printTable(
  ['a request to a Fastify service', 'µs of CPU', 'more than the bare route', 'rate, compared with it'],
  [bare!, ...guarded].map(({ name, microseconds }) => [
    name,
    microseconds.toFixed(1),
    (microseconds - bare!.microseconds).toFixed(1),
    `${Math.round((100 * bare!.microseconds) / microseconds)} %`,
  ]),
)

printTable(
  ['a token that is seen for the first time', 'ES256, µs of CPU', 'EdDSA', 'RS256'],
  (await measureUnknownTokens()).map(({ name, microseconds }) => [name, ...microseconds.map(each => each.toFixed(0))]),
)

printTable(
  [
    'revocations',
    'ready after, ms',
    'CPU for it, ms',
    'heap, MB',
    'more than without',
    'memory (RSS), MB',
    'at most, MB',
  ],
  await measureLists(issuer, [0, 100_000, 1_000_000]),
)

await issuer.stop()
