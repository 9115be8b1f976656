import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { settings } from '../../src/config/read-settings.js'
import { settingsIn } from '../../src/config/setting.js'
import { edgeSettings } from '../../src/config/settings/edge.js'
import {
  type Container,
  containersOf,
  type KubernetesObject,
  manifestsFolder,
  overlays,
  type PodSpec,
  podOf,
  readSecrets,
  renderOverlay,
  renderWith,
} from '../support/kubernetes/manifests.js'

// What the schemas cannot say: names that refer to something, and what every pod must have.

const secrets = readSecrets(await readFile(join(manifestsFolder, 'secret.template.yaml'), 'utf8'))
const service = new Set(Object.keys(settings))
const edge = new Set(settingsIn(edgeSettings).map(({ variable }) => variable))
/** Settings that are not built yet. */
const PLANNED = new Set(['METRICS_PORT', 'KUBERNETES_ISSUER', 'EDGE_CLIENT_ASSERTION'])

const rendered = new Map<string, KubernetesObject[]>()
for (const name of overlays) rendered.set(name, await renderOverlay(name))
rendered.set('edge-without-secret', await renderWith('gateway-api', 'edge-without-secret'))

for (const [name, objects] of rendered) {
  const pods = objects.flatMap(object => {
    const pod = podOf(object)
    return pod ? [{ object, name: object.metadata.name, ...pod }] : []
  })
  const sameNamespace = (one: KubernetesObject, other: KubernetesObject) =>
    one.metadata.namespace === other.metadata.namespace
  const podsWith = (labels: Record<string, string>, from: KubernetesObject) =>
    pods.filter(
      ({ object, metadata }) =>
        sameNamespace(object, from) &&
        Object.entries(labels).every(([label, value]) => metadata.labels?.[label] === value),
    )
  const portsOf = ({ spec }: { spec: PodSpec }) =>
    containersOf(spec).flatMap(({ ports = [] }) => ports.flatMap(each => [each.name, each.containerPort]))

  t.test(`${name}: every object is in the namespace latchkey`, async t => {
    for (const { kind, metadata } of objects) t.equal(metadata.namespace, 'latchkey', `${kind} ${metadata.name}`)
  })

  t.test(`${name}: every selector finds pods, and every port exists`, async t => {
    for (const object of objects) {
      const { kind, spec } = object
      const title = `${kind} ${object.metadata.name}`
      if (kind === 'Service') {
        const found = podsWith(spec.selector, object)
        t.equal(found.length, 1, title)
        for (const { targetPort } of spec.ports) t.ok(portsOf(found[0]!).includes(targetPort), `${title} ${targetPort}`)
      }
      if (kind === 'Deployment' || kind === 'StatefulSet')
        t.ok(isPart(spec.selector.matchLabels, podOf(object)!), title)
      if (kind === 'PodDisruptionBudget') t.equal(podsWith(spec.selector.matchLabels, object).length, 1, title)
      if (kind === 'HorizontalPodAutoscaler') {
        const target = objects.find(
          each => each.kind === 'Deployment' && each.metadata.name === spec.scaleTargetRef.name,
        )
        t.ok(target, title)
        t.notOk('replicas' in target!.spec, 'only the autoscaler sets the number of pods')
      }
      if (kind === 'HTTPRoute')
        for (const { backendRefs } of spec.rules)
          for (const { name: to, port } of backendRefs)
            t.ok(
              objects.some(each => each.kind === 'Service' && each.metadata.name === to && hasPort(each, port)),
              title,
            )
      if (kind === 'ReferenceGrant')
        for (const { name: to } of spec.to)
          t.ok(
            objects.some(each => each.kind === 'Service' && each.metadata.name === to),
            title,
          )
    }
    for (const pod of pods)
      for (const { topologyKey, labelSelector } of pod.spec.topologySpreadConstraints ?? [])
        t.ok(isPart(labelSelector.matchLabels, pod), `${pod.name} ${topologyKey}`)
  })

  t.test(`${name}: every network policy selects pods, which have its ports`, async t => {
    for (const object of objects.filter(({ kind }) => kind === 'NetworkPolicy')) {
      const { podSelector, ingress } = object.spec
      const isSelected = ({ metadata }: (typeof pods)[number]) =>
        (podSelector.matchExpressions ?? []).every(({ key, values }: { key: string; values: string[] }) =>
          values.includes(metadata.labels?.[key] ?? ''),
        )
      const selected = podsWith(podSelector.matchLabels, object).filter(isSelected)
      const title = object.metadata.name
      // The production overlay has no edge yet.
      if (title !== 'latchkey-edge' || name !== 'production') t.ok(selected.length > 0, title)
      for (const { port } of ingress.flatMap((each: { ports: unknown[] }) => each.ports) as { port: string }[])
        if (selected.length > 0)
          t.ok(
            selected.some(pod => portsOf(pod).includes(port)),
            `${title} ${port}`,
          )
    }
  })

  for (const { object, name: owner, spec } of pods) {
    t.test(`${name}, ${owner}: every ConfigMap, Secret, key, volume and port that is named exists`, async t => {
      const configMap = (wanted: string) =>
        objects.find(each => each.kind === 'ConfigMap' && each.metadata.name === wanted && sameNamespace(each, object))
      for (const volume of spec.volumes ?? []) {
        if (volume.configMap) t.ok(configMap(volume.configMap.name), volume.configMap.name)
        if (volume.secret) {
          const keys = secrets.get(volume.secret.secretName)
          t.ok(keys, volume.secret.secretName)
          for (const { key } of volume.secret.items ?? []) t.ok(keys?.includes(key), key)
        }
      }
      const volumes = new Set((spec.volumes ?? []).map(each => each.name))
      for (const claim of object.spec.volumeClaimTemplates ?? []) volumes.add(claim.metadata.name)
      const mounted = containersOf(spec).flatMap(({ volumeMounts = [] }) => volumeMounts)
      t.same(new Set(mounted.map(each => each.name)), volumes, 'every volume is mounted')
      for (const { name: volume, subPath } of mounted)
        if (subPath !== undefined) {
          const source = spec.volumes?.find(each => each.name === volume)?.configMap?.name
          t.ok(subPath in configMap(source!)!.data, `${source} ${subPath}`)
        }
      for (const container of containersOf(spec)) {
        for (const { configMapRef } of container.envFrom ?? []) t.ok(configMap(configMapRef.name), configMapRef.name)
        for (const { valueFrom } of container.env ?? []) {
          const from = valueFrom?.configMapKeyRef
          if (from) t.ok(from.key in (configMap(from.name)?.data ?? {}), `${from.name} ${from.key}`)
          if (valueFrom?.secretKeyRef) t.ok(valueFrom.secretKeyRef.optional, 'other Secrets are files')
        }
        const ports = (container.ports ?? []).map(each => each.name)
        for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
          const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port
          if (port !== undefined) t.ok(ports.includes(port), `the probe asks the port ${port}`)
        }
      }
    })

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

t.test('no manifest contains a secret', async t => {
  for (const [name, objects] of rendered)
    t.notOk(
      objects.some(({ kind }) => kind === 'Secret'),
      name,
    )
  for (const [name, keys] of secrets) t.ok(keys.length > 0, name)
  const template = await readFile(join(manifestsFolder, 'secret.template.yaml'), 'utf8')
  t.notMatch(template, /^ {2}\w+: (?!""|latchkey)/m)
})

const isPart = (labels: Record<string, string>, { metadata }: { metadata: KubernetesObject['metadata'] }) =>
  Object.entries(labels).every(([label, value]) => metadata.labels?.[label] === value)

const hasPort = ({ spec }: KubernetesObject, port: number) =>
  spec.ports.some((each: { port: number }) => each.port === port)

/** The variables of a container, also those of its ConfigMaps. */
function namesOf({ env = [], envFrom = [] }: Container, objects: KubernetesObject[]): string[] {
  const maps = envFrom.map(({ configMapRef }) => objects.find(({ metadata }) => metadata.name === configMapRef.name)!)
  return [...env.map(({ name }) => name), ...maps.flatMap(({ data }) => Object.keys(data))]
}

const isSettingOf = (known: ReadonlySet<string>, variable: string) => {
  const name = variable.replace(/_FILE$/, '')
  return known.has(variable) || known.has(name) || PLANNED.has(name) || variable === 'NODE_ENV'
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
