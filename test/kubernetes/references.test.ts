import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  containersOf,
  type KubernetesObject,
  manifestsFolder,
  type PodSpec,
  podOf,
  readSecrets,
  renderAll,
} from '../support/kubernetes/manifests.js'

// What the schemas cannot say: names that refer to something.

const secrets = readSecrets(await readFile(join(manifestsFolder, 'secret.template.yaml'), 'utf8'))
const rendered = await renderAll()

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
        if (volume.configMap && !volume.configMap.optional)
          t.ok(configMap(volume.configMap.name), volume.configMap.name)
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
  }
}

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
