import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  type Changes,
  components,
  containersOf,
  isMounted,
  type KubernetesObject,
  manifestsFolder,
  podOf,
  renderCopy,
  renderOverlay,
  renderWithoutSecret,
  variablesOf,
} from '../support/kubernetes/manifests.js'

// What an operator changes in a copy of an overlay has its effect in every object.

const find = (objects: KubernetesObject[], wanted: string, named: string) =>
  objects.find(({ kind, metadata }) => kind === wanted && metadata.name === named)!

/** The settings of a container of Latchkey in an object. */
function settingsOf(objects: KubernetesObject[], kind: string, name: string) {
  const { spec } = podOf(find(objects, kind, name))!
  const container = containersOf(spec)[0]!
  return { spec, container, variables: variablesOf(container, objects) }
}

const SERVICE_AND_JOB = [
  ['Deployment', 'latchkey'],
  ['Job', 'latchkey-migrate'],
] as const

t.test('only the overlays and the examples have marks to change', async t => {
  const folders = ['base', ...components.map(name => `components/${name}`)]
  for (const folder of folders)
    for (const file of await readdir(join(manifestsFolder, folder)))
      t.notMatch(
        await readFile(join(manifestsFolder, folder, file), 'utf8'),
        /# change|change it/i,
        `${folder}/${file}`,
      )
})

t.test(
  'a copy with other values contains none of the examples, and the host and the audience are those of PUBLIC_ORIGIN',
  async t => {
    const values = { 'example.com': 'acme.io', 'name: public': 'name: outer', 'namespace: gateway': 'namespace: infra' }
    const edit: Changes['edit'] = text =>
      Object.entries({ ...values, 'namespace: shop': 'namespace: sales' }).reduce(
        (now, each) => now.replaceAll(...each),
        text,
      )
    const settings = [
      'PUBLIC_ORIGIN=https://id.acme.io:8443',
      'DATABASE_URL=postgres://latchkey@pg.acme.io:5432/latchkey',
      'REDIS_URL=rediss://redis.acme.io:6380',
      'KUBERNETES_ISSUER=https://oidc.acme.io',
    ]
    const objects = await renderWithoutSecret({ edit, settings })
    t.notMatch(JSON.stringify(objects), /example\.com|"name":"public"|"namespace":"(gateway|shop)"/)
    const route = find(objects, 'HTTPRoute', 'latchkey')
    t.same(route.spec.hostnames, ['id.acme.io'])
    t.match(route.spec.parentRefs, [{ name: 'outer', namespace: 'infra' }])
    const { spec, variables } = settingsOf(objects, 'Deployment', 'latchkey-edge')
    const token = spec.volumes!.find(({ projected }) => projected)!.projected!.sources[0]!.serviceAccountToken
    t.equal(token.audience, variables.EDGE_ISSUER)
    t.equal(token.audience, 'https://id.acme.io:8443')
    t.equal(settingsOf(objects, 'Deployment', 'latchkey').variables.KUBERNETES_ISSUER, 'https://oidc.acme.io')
  },
)

t.test(
  'the edge can be used by routes and by a SecurityPolicy of Envoy Gateway, from the namespaces of the overlay',
  async t => {
    const { from } = find(await renderOverlay('gateway-api'), 'ReferenceGrant', 'latchkey-edge').spec
    t.same(from, [
      { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' },
      { group: 'gateway.envoyproxy.io', kind: 'SecurityPolicy', namespace: 'shop' },
    ])
  },
)

t.test('the files of certificate authorities are mounted in the service and in the migration Job', async t => {
  const files = { 'postgres.crt': 'PG', 'redis.crt': 'RE' }
  const paths = {
    DATABASE_CA_FILE: '/etc/latchkey/ca/postgres.crt',
    REDIS_CA_FILE: '/etc/latchkey/ca/redis.crt',
  }
  const objects = await renderCopy('production', {
    files,
    settings: Object.entries(paths).map(each => each.join('=')),
    add: { configMapGenerator: [{ name: 'latchkey-ca', files: Object.keys(files) }] },
  })
  for (const [kind, name] of SERVICE_AND_JOB) {
    const { spec, container, variables } = settingsOf(objects, kind, name)
    t.match(variables, paths)
    for (const path of Object.values(paths)) t.ok(isMounted(path, container, spec, objects), `${name} ${path}`)
  }
})

t.test('a copy can have stores without a password, and addresses of IPv6 alone', async t => {
  const objects = await renderCopy('gateway-api', {
    settings: ['DATABASE_PASSWORD_FILE=', 'REDIS_PASSWORD_FILE=', 'HOST=::'],
  })
  for (const [kind, name] of SERVICE_AND_JOB)
    t.match(settingsOf(objects, kind, name).variables, { DATABASE_PASSWORD_FILE: '', REDIS_PASSWORD_FILE: '' })
  t.equal(settingsOf(objects, 'Deployment', 'latchkey').variables.HOST, '::')
  t.equal(settingsOf(objects, 'Deployment', 'latchkey-edge').variables.EDGE_HOST, '::')
})

t.test('a copy says how many pods the autoscaler makes', async t => {
  const edit: Changes['edit'] = text =>
    text
      .replace('minReplicas, value: 2', 'minReplicas, value: 4')
      .replace('maxReplicas, value: 6', 'maxReplicas, value: 20')
  for (const overlay of ['production', 'gateway-api']) {
    const { spec } = find(await renderCopy(overlay, { edit }), 'HorizontalPodAutoscaler', 'latchkey')
    t.match(spec, { minReplicas: 4, maxReplicas: 20 })
  }
})

t.test('the metrics of the Prometheus operator have the job that the alerts expect', async t => {
  const objects = await renderCopy('production', { components: ['pod-monitor'] })
  const { jobLabel } = find(objects, 'PodMonitor', 'latchkey').spec
  const job = podOf(find(objects, 'Deployment', 'latchkey'))!.metadata.labels![jobLabel]
  const alerts = await readFile(join(manifestsFolder, '../monitoring/alerts.yml'), 'utf8')
  const expected = [...alerts.matchAll(/job="(.+?)"/g)].map(([, name]) => name)
  t.same(new Set(expected), new Set([job]))
})

t.test('the network policies allow DNS wherever it is, and the ports of the settings', async t => {
  const objects = await renderOverlay('gateway-api')
  const allowed = (name: string) => {
    const rules = find(objects, 'NetworkPolicy', name).spec.egress as {
      to?: unknown
      ports: { port: number | string; protocol?: string }[]
    }[]
    const open = rules.filter(({ to }) => to === undefined).flatMap(({ ports }) => ports)
    return open.map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`)
  }
  for (const name of ['latchkey', 'latchkey-edge'])
    for (const port of ['53/UDP', '53/TCP', '5353/UDP', '5353/TCP'])
      t.ok(allowed(name).includes(port), `${name} ${port}`)
  const { variables } = settingsOf(objects, 'Deployment', 'latchkey')
  for (const variable of ['DATABASE_URL', 'REDIS_URL'])
    t.ok(allowed('latchkey').includes(`${new URL(variables[variable]!).port}/TCP`), variable)
})

t.test('tools that apply the manifests themselves replace the last Job', async t => {
  const job = find(await renderOverlay('production'), 'Job', 'latchkey-migrate')
  t.match(job.metadata, {
    annotations: {
      'argocd.argoproj.io/hook': 'Sync',
      'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
      'kustomize.toolkit.fluxcd.io/force': 'enabled',
    },
  })
})
