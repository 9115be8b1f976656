import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { settings } from '../../src/config/read-settings.js'
import { findKubectl } from '../support/kubernetes/find-kubectl.js'
import { components, manifestsFolder, overlays, readSecrets, renderOverlay } from '../support/kubernetes/manifests.js'

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
  const edge = parse(await bash(`echo '${printed}' |\n${rest.join('|\n')} --dry-run=client -o yaml`))
  t.match(edge.metadata, { name: 'latchkey-edge', namespace: 'latchkey' })
  const data = Object.entries(edge.data as Record<string, string>)
  t.same(
    data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    [
      ['client_id', '01a2-b'],
      ['client_secret', 'lks_a-B_9'],
    ],
  )
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
      .replaceAll(/(\||\\)\n/g, '')
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

t.test('the number of connections is that of the autoscaler and of the default pool', async t => {
  const autoscaler = (await renderOverlay('production')).find(({ kind }) => kind === 'HorizontalPodAutoscaler')!
  const pods = autoscaler.spec.maxReplicas as number
  const connections = (Number(settings.DATABASE_POOL_SIZE.default) + 1) * (pods + 1)
  t.equal(pods, 6)
  t.match(page, `Six pods with the default need ${connections} of`)
})
