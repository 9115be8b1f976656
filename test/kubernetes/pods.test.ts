import { readFile } from 'node:fs/promises'
import t from 'tap'
import { settings } from '../../src/config/read-settings.js'
import { settingsIn } from '../../src/config/setting.js'
import { edgeSettings } from '../../src/config/settings/edge.js'
import { containersOf, isMounted, podOf, renderAll, variablesOf } from '../support/kubernetes/manifests.js'

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
        const variables = variablesOf(container, objects)
        const named = Object.keys(variables)
        t.ok(named.length > 5)
        for (const variable of named) t.ok(isSettingOf(known, variable), variable)
        for (const variable of named.filter(each => each.endsWith('_FILE')))
          t.ok(isMounted(variables[variable]!, container, spec, objects), variable)
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

t.test('a container of Latchkey that stops to answer is started again, and one that starts has time', async t => {
  for (const [name, objects] of rendered)
    for (const object of objects) {
      const containers = object.kind === 'Deployment' ? containersOf(podOf(object)!.spec) : []
      for (const { image, startupProbe, livenessProbe } of containers.filter(each =>
        each.command.includes('dist/cli.js'),
      )) {
        t.ok(startupProbe && livenessProbe, `${name} ${object.metadata.name} ${image}`)
        t.match(JSON.stringify(livenessProbe), '/livez', 'it depends on no store')
      }
    }
})

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

function isSettingOf(known: ReadonlySet<string>, variable: string): boolean {
  const name = variable.replace(/_FILE$/, '')
  return known.has(variable) || known.has(name) || variable === 'NODE_ENV'
}
