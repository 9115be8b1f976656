/** Imports go in one direction (docs/architecture.md). `npm run lint` checks this. */

/** A rule that a lower layer must not import a higher one. */
const not = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: to },
})

const outer = '^src/(server|cli|app|open-context)\\.ts$|^src/cli/'
const http = '^src/http/|^src/fastify-options\\.ts$'
const stores = '^src/(postgres|redis)/'
/** What opens the stores. */
const openedStores = '^src/(stores|embedded-postgres)/'

module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphan',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    not(
      'nothing-imports-the-process',
      '^src/(?!cli)',
      '^src/(server|cli)\\.ts$|^src/cli/',
      'The process is the outermost layer.',
    ),
    not('http-is-below-the-app', http, outer),
    not('domain-knows-no-http', '^src/domain/', `${http}|${outer}|${openedStores}`),
    not('domain-uses-no-framework', '^src/domain/', 'node_modules/(fastify|@fastify|drizzle-orm|postgres|ioredis)/'),
    {
      ...not('domain-takes-stores-as-arguments', '^src/domain/', `${stores}|^src/revocations/`),
      to: {
        path: `${stores}|^src/revocations/`,
        // Types describe the arguments. The lifetime of an entry is part of the domain.
        pathNot: '^src/revocations/revocation\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    not('stores-know-no-domain', `${stores}|^src/revocations/`, `^src/domain/|${http}|${outer}|${openedStores}`),
    not('ioredis-is-in-redis', '^src/(?!redis/)', 'node_modules/ioredis/'),
    not('one-place-knows-the-kind-of-store', '^src/(?!stores/|embedded-postgres/|server\\.ts|cli/)', openedStores),
    not('embedded-postgres-imports-only-the-log', '^src/embedded-postgres/', '^src/(?!embedded-postgres/|log\\.ts)'),
    // The embedded Postgres is asked whether it is ready before there is a database to ask.
    not('sql-is-in-postgres', '^src/(?!postgres/|embedded-postgres/)', 'node_modules/(drizzle-orm|postgres)/'),
    not('config-and-errors-are-the-ground', '^src/(config/|errors\\.ts|log\\.ts)', '^src/(?!config/|errors|log)'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
