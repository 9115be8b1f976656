/** Imports run one way (docs/architecture.md). `npm run lint` checks it. */

/** A rule that what is below may not import what is above it. */
const not = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: to },
})

const outer = '^src/((cli|index)\\.ts$|cli/|doctor/|library/|server/)'
const http = '^src/http/'
const stores = '^src/(postgres|redis)/'
const base = '^src/(config|lib)/'

module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphan',
      severity: 'error',
      // The texts of the account page in the other languages take the place of the English ones in a bundle.
      from: { orphan: true, pathNot: '\\.d\\.ts$|^src/account-page/texts/' },
      to: {},
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      // React is a peer of that package, and here only a dependency of its tests. The account page is bundled with what it imports.
      from: {
        path: '^(src|packages/[^/]+/src)/',
        pathNot: '^(packages/client/src/react\\.ts$|src/account-page/)',
      },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    not(
      'nothing-imports-the-process',
      '^src/(?!(cli|index)\\.ts$|cli/|doctor/|library/|server/)',
      outer,
      'The process is the outermost layer.',
    ),
    not('the-server-imports-no-command', '^src/server/', '^src/(cli|doctor|library|index)'),
    not('domain-knows-no-http', '^src/domain/', `${http}|^src/embedded-postgres/`),
    not('domain-uses-no-framework', '^src/domain/', 'node_modules/(fastify|@fastify|drizzle-orm|postgres|ioredis)/'),
    {
      ...not('domain-takes-stores-as-arguments', '^src/domain/', `${stores}|^src/revocations/`),
      to: {
        path: `${stores}|^src/revocations/`,
        // Types describe the arguments. The form of a position is part of what a verifier reports. The types of events are
        // words that the domain chooses from.
        pathNot: '^src/revocations/receipts/position\\.ts$|^src/postgres/security-event-types\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    not('stores-know-no-domain', `${stores}|^src/revocations/`, `^src/domain/|${http}|^src/embedded-postgres/`),
    not('issuers-know-no-store', '^src/issuers/', `${stores}|^src/(domain|revocations|server|cli)/|${http}`),
    not('plugins-import-no-route', '^src/http/(plugins|errors)/', '^src/http/(routes|compat)/'),
    not('one-place-knows-the-kind-of-store', '^src/(?!server/|cli/|embedded-postgres/)', '^src/embedded-postgres/'),
    not(
      'embedded-postgres-imports-only-helpers',
      '^src/embedded-postgres/',
      '^src/(?!embedded-postgres/|lib/(log|error-facts)\\.ts)',
    ),
    // The embedded Postgres is asked whether it is ready before there is a database to ask.
    not('sql-is-in-postgres', '^src/(?!postgres/|embedded-postgres/)', 'node_modules/(drizzle-orm|postgres)/'),
    not('ioredis-is-in-redis', '^src/(?!redis/)', 'node_modules/ioredis/'),
    not(
      'metrics-are-for-the-server',
      '^src/(?!metrics/|server/open-metrics\\.ts)',
      '^src/metrics/',
      'Loaded only if METRICS_PORT is set.',
    ),
    not('metrics-import-no-process', '^src/metrics/', outer),
    not('prom-client-is-in-metrics', '^src/(?!metrics/)', 'node_modules/prom-client/'),
    not(
      'traces-are-for-the-server',
      '^src/(?!tracing/|server/serve\\.ts)',
      '^src/tracing/',
      'Loaded only if it is configured.',
    ),
    not('traces-import-no-process', '^src/tracing/', outer),
    not('opentelemetry-is-in-tracing', '^src/(?!tracing/)', 'node_modules/@opentelemetry/'),
    not('nodemailer-is-in-mail', '^src/(?!mail/)', 'node_modules/nodemailer/'),
    not('mail-imports-no-process', '^src/mail/', `${outer}|${http}`),
    not('ipaddr-is-in-lib', '^src/(?!lib/ip-address\\.ts)', 'node_modules/ipaddr\\.js/'),
    not('config-and-lib-are-the-base', base, '^src/(?!config/|lib/)'),
    not('lib-knows-no-setting', '^src/lib/', '^src/config/'),
    not(
      'packages-know-no-service',
      '^packages/',
      '^(src|test|scripts)/',
      'Other services install them without this one.',
    ),
    not(
      'nothing-imports-the-account-page',
      '^(src/(?!account-page/)|packages/)',
      '^src/account-page/',
      'It runs in browsers; the service sends its bundles.',
    ),
    not(
      'the-account-page-imports-only-the-client',
      '^src/account-page/',
      '^src/(?!account-page/)|^packages/(?!client/src/index\\.ts)|node_modules/(?!preact/)',
      'It is a client of the service like any other, and every byte is sent to browsers.',
    ),
    not(
      'the-service-imports-only-the-core-of-the-verifier',
      '^src/(?!edge/)',
      '^packages/verifier/src/(?!core/index\\.ts$)',
      'The rest of the package is for other services. The edge verifies as they do.',
    ),
    not('only-commands-start-the-edge', '^src/(?!cli/|edge/)', '^src/edge/'),
    not(
      'the-edge-loads-no-service',
      '^src/edge/',
      '^src/(?!edge/|config/|lib/)',
      'It has no stores and little memory.',
    ),
    {
      ...not(
        'the-core-imports-no-package',
        '^packages/verifier/src/(core|feed/(feed-format|encode-feed))',
        'node_modules/',
      ),
      comment: 'The service needs nothing but its own dependencies.',
    },
    not(
      'the-core-is-below-the-verifier',
      '^packages/verifier/src/core/',
      '^packages/verifier/src/(?!core/|feed/(feed-format|encode-feed))',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^packages/[^/]+/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
