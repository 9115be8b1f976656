/** Imports run one way (docs/architecture.md). `npm run lint` checks it. */

/** A rule that what is below may not import what is above it. */
const not = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: to },
})

const outer = '^src/(server|cli|app|open-context|load-config|start-log)\\.ts$|^src/cli/'
const http = '^src/(routes|dialects|plugins)/|^src/fastify-options\\.ts$'
const stores = '^src/(db|ephemeral)/'

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
      'The process is the outermost room.',
    ),
    not('http-is-below-the-app', http, outer),
    not('domain-knows-no-http', '^src/auth/', `${http}|${outer}|^src/stores/`),
    not('domain-uses-no-framework', '^src/auth/', 'node_modules/(fastify|@fastify|drizzle-orm|postgres|ioredis)/'),
    {
      ...not('domain-takes-stores-as-arguments', '^src/auth/', `${stores}|^src/revocations/`),
      to: {
        path: `${stores}|^src/revocations/`,
        // A type names what is passed in. The lifetime of an entry is a fact of the domain itself.
        pathNot: '^src/revocations/revocation\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    not('stores-know-no-domain', `${stores}|^src/revocations/`, `^src/auth/|${http}|${outer}|^src/stores/`),
    not('one-place-knows-the-kind-of-store', '^src/(?!stores/|server\\.ts|load-config\\.ts|cli/)', '^src/stores/'),
    // The embedded Postgres is asked whether it is ready before there is a database to ask.
    not('sql-is-in-db', '^src/(?!db/|stores/embedded/)', 'node_modules/(drizzle-orm|postgres)/'),
    not('redis-is-in-ephemeral', '^src/(?!ephemeral/)', 'node_modules/ioredis/'),
    not(
      'config-and-errors-are-the-ground',
      '^src/(config\\.ts|config/|errors\\.ts|log\\.ts)',
      '^src/(?!config|errors|log)',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
