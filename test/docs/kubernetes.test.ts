import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { settings } from '../../src/config/read-settings.js'
import { findKubectl } from '../support/kubernetes/find-kubectl.js'
import {
  components,
  containersOf,
  type KubernetesObject,
  manifestsFolder,
  overlays,
  podOf,
  readSecrets,
  renderCopy,
  renderOverlay,
  variablesOf,
} from '../support/kubernetes/manifests.js'
import { schemaProblems } from '../support/kubernetes/schemas.js'

// The commands of docs/kubernetes.md, as far as they need no cluster and no Docker.

const root = resolve(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/kubernetes.md'), 'utf8')
const kubectl = await findKubectl()
const secrets = readSecrets(await readFile(join(manifestsFolder, 'secret.template.yaml'), 'utf8'))
const blocks = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text]) => text!)
/** With the number in the comment after each. */
const commands = [...blocks[0]!.matchAll(/(.*?) +# (\d+)( ☸)?\n/gs)].map(([, text, number, mark]) => ({
  text: text!,
  number: Number(number),
  needsCluster: mark !== undefined,
}))
const numbered = (number: number) => commands.find(each => each.number === number)!.text

/** Runs a command as a reader does, in a copy of the files that it uses. */
const folder = t.testdir({})
await mkdir(join(folder, 'deploy'))
await cp(join(root, 'scripts/make-secrets.sh'), join(folder, 'scripts/make-secrets.sh'))
await cp(manifestsFolder, join(folder, 'deploy/kubernetes'), { recursive: true })
const env = { PATH: `${dirname(kubectl)}${delimiter}${process.env.PATH}`, HOME: folder, KUBECONFIG: '/nonexistent' }
const bash = async (command: string) =>
  (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], { cwd: folder, env })).stdout

t.test('there are ten commands, in order', async t => {
  t.same(
    commands.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
})

t.test('the commands without a mark work without a cluster, and print what the page says', async t => {
  const unmarked = commands.filter(({ needsCluster }) => !needsCluster)
  t.same(
    unmarked.map(({ number }) => number),
    [4],
  )
  for (const { text } of unmarked) t.match(await bash(text), /^secrets\/jwt_secret: made\.$/m)
  t.equal((await readdir(join(folder, 'secrets'))).length, 4)
  t.match(page, '`secrets/jwt_secret: made.` and three more lines')
})

t.test('the Secrets that the commands make have the keys that the pods expect', async t => {
  const service = parse(await bash(`${numbered(6)} --dry-run=client -o yaml`))
  t.match(service, { kind: 'Secret', metadata: { name: 'latchkey', namespace: 'latchkey' } })
  t.same(Object.keys(service.data).sort(), secrets.get('latchkey')!.sort())

  const printed = JSON.stringify({ client_id: '01a2-b', client_secret: 'lks_a-B_9', name: 'edge', scopes: [] }, null, 2)
  const [first, ...rest] = numbered(9).split('|\n')
  t.match(first, '-- latchkey clients create edge --scope revocations --json')
  const create = rest.join('|\n').replace('/dev/stdin', '/dev/stdin --dry-run=client -o yaml')
  const edge = parse(await bash(`echo '${printed}' |\n${create}`))
  t.match(edge.metadata, { name: 'latchkey-edge', namespace: 'latchkey' })
  const data = Object.entries(edge.data as Record<string, string>)
  t.same(
    data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    [
      ['client_id', '01a2-b'],
      ['client_secret', 'lks_a-B_9'],
    ],
  )
  const without = await bash(`: |\n${create}`).catch((error: unknown) => error)
  t.match(without, { code: 1, stdout: '' }, 'without a client, no Secret is made')
})

t.test('the objects that the commands name exist in the trial', async t => {
  const names = (await renderOverlay('trial')).map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`)
  const named = [...blocks[0]!.matchAll(/\b(?:deployment|service)\/[a-z-]+/g)].map(([name]) => name)
  t.ok(named.length > 2)
  for (const name of named) t.ok(names.includes(name), name)
  t.match(numbered(7), 'overlays/trial')
  t.match(await bash('kubectl kustomize deploy/kubernetes/overlays/trial'), 'kind: Deployment')
})

t.test('every command of kubectl that needs a cluster is marked', async t => {
  for (const block of blocks.filter(text => text.includes('kubectl')))
    for (const command of block
      .replaceAll(/(\||&&|\\)\n/g, '')
      .split('\n')
      .filter(line => line.includes('kubectl')))
      t.match(command, '☸', command)
})

t.test('the page names every overlay and every component, and only those', async t => {
  const named = (kind: string) => [...page.matchAll(new RegExp(`\\b${kind}/([a-z-]+)`, 'g'))].map(([, name]) => name!)
  t.same(new Set(named('overlays')), new Set(overlays))
  for (const name of named('components')) t.ok(components.includes(name), name)
  for (const name of components) t.match(page, `\`${name}\``)
})

t.test(
  'the number of connections is that of the autoscaler and of the default pool, by the formula of docs/scaling.md',
  async t => {
    const objects = await renderOverlay('production')
    const pods = objects.find(({ kind }) => kind === 'HorizontalPodAutoscaler')!.spec.maxReplicas as number
    const { maxSurge } = objects.find(({ kind }) => kind === 'Deployment')!.spec.strategy.rollingUpdate
    t.match(
      await readFile(join(root, 'docs/scaling.md'), 'utf8'),
      '(pods + pods that a rollout adds) × (DATABASE_POOL_SIZE + 2) + superuser_reserved_connections (3) + others',
    )
    const each = Number(settings.DATABASE_POOL_SIZE.default) + 2
    const all = pods + maxSurge
    t.equal(pods, 6)
    t.match(page, `Six pods with the default need ${all} × ${each} + 3 = ${all * each + 3} of`)
  },
)

t.test('the memory of the manifests is enough for what the page says that a process uses', async t => {
  const MB = 1e6
  const [, service, hashes, hash] = /instance uses \d+ to (\d+) MB.*?(two) hashes of an older system, (\d+) MiB/s.exec(
    page,
  )!
  const [, edge] = /The edge uses \d+ to (\d+) MB/.exec(page)!
  const resourcesOf = (objects: KubernetesObject[], owner: string) =>
    containersOf(
      podOf(objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === owner)!)!.spec,
    ).find(({ image }) => /\blatchkey:/.test(image))!.resources
  const latchkey = resourcesOf(await renderOverlay('production'), 'latchkey')
  t.equal(hashes, 'two')
  t.equal(latchkey.limits.cpu, '2', 'as many hashes at a time')
  t.ok(bytes(latchkey.requests.memory) >= Number(service) * MB)
  t.ok(bytes(latchkey.limits.memory) >= Number(service) * MB + 2 * Number(hash) * 2 ** 20)
  for (const [overlay, owner] of [
    ['gateway-api', 'latchkey-edge'],
    ['trial', 'gateway'],
  ] as const)
    t.ok(bytes(resourcesOf(await renderOverlay(overlay), owner).requests.memory) >= Number(edge) * MB, owner)
})

t.test('what the page adds to a copy of an overlay can be added, and has its effect', async t => {
  const patches = [...page.matchAll(/`(\{target: .*?)` \|/g)].map(([, text]) => parse(text!))
  t.equal(patches.length, 3)
  const [, generator] = /`(\{name: latchkey-ca.*?)`/.exec(page)!
  const objects = await renderCopy('gateway-api', {
    settings: ['JWT_ISSUER=https://auth.example.com/identity'],
    files: { 'postgres.crt': 'PG', 'redis.crt': 'RE' },
    add: { patches, configMapGenerator: [parse(generator!)] },
  })
  const find = (wanted: string, named: string) =>
    objects.find(({ kind, metadata }) => kind === wanted && metadata.name === named)!
  const [edge] = containersOf(podOf(find('Deployment', 'latchkey-edge'))!.spec)
  t.equal(variablesOf(edge!, objects).EDGE_ISSUER, 'https://auth.example.com/identity')
  t.same(find('NetworkPolicy', 'latchkey').spec.egress.at(-1), { ports: [{ port: 6390 }] })
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount')
  t.equal(accounts.length, 2)
  for (const { imagePullSecrets } of accounts) t.same(imagePullSecrets, [{ name: 'registry' }])
  const used = new Set(objects.flatMap(object => podOf(object)?.spec.serviceAccountName ?? []))
  t.same(used, new Set(accounts.map(({ metadata }) => metadata.name)), 'every pod uses one of them')
  const named = [...page.matchAll(/[A-Z]+_CA_FILE=\/etc\/latchkey\/ca\/([a-z.]+)/g)].map(([, file]) => file!)
  const map = objects.find(({ metadata }) => metadata.name.startsWith('latchkey-ca-'))!
  t.same(Object.keys(map.data), named)
})

t.test('the PrometheusRule of the page has the alerts of deploy/monitoring', async t => {
  const command = blocks.find(text => text.includes('PrometheusRule'))!.replace(/ \| kubectl .*/, '')
  const alerts = await readFile(join(root, 'deploy/monitoring/alerts.yml'), 'utf8')
  await cp(join(root, 'deploy/monitoring'), join(folder, 'deploy/monitoring'), { recursive: true })
  const rule = parse(await bash(command))
  t.same(rule.spec, parse(alerts))
  t.same(await schemaProblems([['rule', [rule]]]), [['rule', []]])
})

const bytes = (quantity: string) =>
  Number.parseInt(quantity, 10) * { Mi: 2 ** 20, Gi: 2 ** 30 }[quantity.slice(-2) as 'Mi' | 'Gi']
