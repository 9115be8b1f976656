import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  components,
  type KubernetesObject,
  manifestsFolder,
  overlays,
  readObjects,
  render,
  renderCopy,
  renderOverlay,
  renderWithoutSecret,
} from '../support/kubernetes/manifests.js'
import { schemaProblems } from '../support/kubernetes/schemas.js'

/** Components that no overlay contains, in a copy of an overlay to which an operator adds them. */
const ADDED = {
  'edge-without-secret': await renderWithoutSecret(),
  'pod-monitor': await renderCopy('production', { components: ['pod-monitor'] }),
}

const read = async (name: string) => readObjects(await readFile(join(manifestsFolder, name), 'utf8'))
const rendered: [string, KubernetesObject[]][] = [
  ['base', await render(join(manifestsFolder, 'base'))],
  ...(await Promise.all(overlays.map(async name => [name, await renderOverlay(name)] as [string, KubernetesObject[]]))),
]
rendered.push(...Object.entries(ADDED))
for (const file of ['namespace.yaml', 'secret.template.yaml', 'examples/protected-service.yaml'])
  rendered.push([file, await read(file)])

const [, base] = rendered[0]!
const broken = (change: (deployment: KubernetesObject) => void) => {
  const deployment = structuredClone(base.find(({ kind }) => kind === 'Deployment')!)
  change(deployment)
  return [deployment]
}
const wrong: [says: string, KubernetesObject[]][] = [
  ['livenesProbe', broken(({ spec }) => Object.assign(spec.template.spec.containers[0], { livenesProbe: {} }))],
  ['selector', broken(({ spec }) => void delete spec.selector)],
  ['runAsUser', broken(({ spec }) => Object.assign(spec.template.spec.securityContext, { runAsUser: 'node' }))],
  ['v9', broken(deployment => Object.assign(deployment, { apiVersion: 'apps/v9' }))],
]
const checked = await schemaProblems([...rendered, ...wrong])

t.test('every object complies with the schema of its kind, and has no other field', async t => {
  for (const [name, problems] of checked.slice(0, rendered.length)) t.same(problems, [], name)
})

t.test('a wrong field, a missing field, a wrong type and an unknown kind are found', async t => {
  for (const [says, problems] of checked.slice(rendered.length)) t.match(problems.join('\n'), says)
})

t.test('every component is part of an overlay or is tested with one', async t => {
  const texts = await Promise.all(
    overlays.map(name => readFile(join(manifestsFolder, 'overlays', name, 'kustomization.yaml'), 'utf8')),
  )
  const used = [...texts.join('\n').matchAll(/- \.\.\/\.\.\/components\/(\S+)/g)].map(([, name]) => name!)
  t.same(new Set([...used, ...Object.keys(ADDED)]), new Set(components))
})

t.test('the images of Latchkey have the version of the package', async t => {
  const path = fileURLToPath(new URL('../../package.json', import.meta.url))
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string }
  const images = [...JSON.stringify(rendered).matchAll(/"image":"([^"]*latchkey:[^"]*)"/g)].map(([, image]) => image)
  t.ok(images.length > 10)
  for (const image of images) t.match(image, new RegExp(`^(registry\\.example\\.com/)?latchkey:${version}$`))
})
