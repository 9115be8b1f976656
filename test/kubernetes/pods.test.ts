import { readFile } from 'node:fs/promises'
import t from 'tap'
import { settings } from '../../src/config/read-settings.js'
import { settingsIn } from '../../src/config/setting.js'
import { edgeSettings } from '../../src/config/settings/edge.js'
import {
  type Container,
  containersOf,
  type KubernetesObject,
  type PodSpec,
  podOf,
  renderAll,
} from '../support/kubernetes/manifests.js'

// What every pod must have, and the settings that it gives to Latchkey.

const service = new Set(Object.keys(settings))
const edge = new Set(settingsIn(edgeSettings).map(({ variable }) => variable))

const rendered = await renderAll()

for (const [name, objects] of rendered) {
  for (const object of objects) {
    const spec = podOf(object)?.spec
    const owner = object.metadata.name
    if (!spec) continue

    t.test(`${name}, ${owner}: every environment variable is a setting, and every file is mounted`, async t => {
      for (const container of containersOf(spec).filter(({ image }) => /\blatchkey:/.test(image))) {
        const known = { serve: service, migrate: service, edge }[container.command.at(-1)!]
        if (!known) continue
        const named = namesOf(container, objects)
        t.ok(named.length > 5)
        for (const variable of named) t.ok(isSettingOf(known, variable), variable)
        const files = (container.env ?? []).filter(({ name: variable }) => variable.endsWith('_FILE'))
        for (const { name: variable, value } of files) t.ok(isMounted(value!, container, spec), variable)
      }
    })

    t.test(
      `${name}, ${owner}: the pod complies with the Pod Security Standard "restricted", and uses no token`,
      async t => {
        // Only to read the public keys of the cluster.
        t.equal(spec.automountServiceAccountToken, owner === 'latchkey' && name === 'edge-without-secret')
        t.equal(spec.enableServiceLinks, false)
        t.match(spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
        for (const { name: container, securityContext, resources, image } of containersOf(spec)) {
          t.match(securityContext, {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          })
          t.ok(Number(securityContext.runAsUser ?? spec.securityContext.runAsUser) > 0, 'a number, not a name')
          t.ok(resources.requests.cpu && resources.requests.memory && resources.limits.memory, container)
          t.match(image, /:\d+\.\d+(\.\d+)?$/, 'a fixed version')
        }
      },
    )
  }
}

t.test('the service has more time to stop than it uses', async t => {
  const source = await readFile(new URL('../../src/server/serve.ts', import.meta.url), 'utf8')
  const times = [...source.matchAll(/^const \w+_TIMEOUT_MS = ([\d_]+)$/gm)].map(([, ms]) =>
    Number(ms!.replace('_', '')),
  )
  t.equal(times.length, 3)
  const inKubernetes = 5000
  const needed = times.reduce((sum, ms) => sum + ms, inKubernetes) / 1000
  const deployment = rendered.get('production')!.find(({ kind }) => kind === 'Deployment')!
  t.ok(podOf(deployment)!.spec.terminationGracePeriodSeconds > needed, `${needed} s`)
})

/** The variables of a container, also those of its ConfigMaps. */
function namesOf({ env = [], envFrom = [] }: Container, objects: KubernetesObject[]): string[] {
  const maps = envFrom.map(({ configMapRef }) => objects.find(({ metadata }) => metadata.name === configMapRef.name)!)
  return [...env.map(({ name }) => name), ...maps.flatMap(({ data }) => Object.keys(data))]
}

function isSettingOf(known: ReadonlySet<string>, variable: string): boolean {
  const name = variable.replace(/_FILE$/, '')
  return known.has(variable) || known.has(name) || variable === 'NODE_ENV'
}

/** Whether a path is below a mounted volume that has this file. */
function isMounted(path: string, { volumeMounts = [] }: Container, spec: PodSpec): boolean {
  return volumeMounts.some(({ mountPath, name, subPath }) => {
    if (path !== mountPath && !path.startsWith(`${mountPath}/`)) return false
    const volume = spec.volumes?.find(each => each.name === name)
    const file = subPath ?? path.slice(mountPath.length + 1)
    if (volume?.secret?.items) return volume.secret.items.some(each => each.path === file)
    if (volume?.projected) return volume.projected.sources.some(({ serviceAccountToken: { path: at } }) => at === file)
    return volume?.configMap !== undefined
  })
}
