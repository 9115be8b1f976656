import { execFile } from 'node:child_process'
import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse, parseAllDocuments } from 'yaml'
import { findKubectl } from './find-kubectl.js'

const run = promisify(execFile)

export const manifestsFolder = fileURLToPath(new URL('../../../deploy/kubernetes', import.meta.url))

/** An object of Kubernetes. Its fields are checked against the schemas by test/kubernetes/schemas.test.ts. */
export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: a test reads the fields that it needs
  [field: string]: any
}

/** The names of the overlays in deploy/kubernetes/overlays. */
export const overlays = (await readdir(join(manifestsFolder, 'overlays'))).sort()

/** The names of the components in deploy/kubernetes/components. */
export const components = (await readdir(join(manifestsFolder, 'components'))).sort()

/** What `kubectl kustomize` makes of an overlay; `base` is the base. */
export async function render(folder: string): Promise<KubernetesObject[]> {
  const program = await findKubectl()
  const { stdout, stderr } = await run(program, ['kustomize', folder], { maxBuffer: 2 ** 26 })
  if (stderr !== '') throw new Error(`kubectl kustomize ${folder}: ${stderr}`)
  return readObjects(stdout)
}

export const renderOverlay = (name: string) => render(join(manifestsFolder, 'overlays', name))

/** Adds components to an overlay, as an operator does in a folder of their own. */
export async function renderWith(overlay: string, ...added: string[]): Promise<KubernetesObject[]> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'latchkey-overlay-')))
  try {
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: 'latchkey',
      resources: [relative(folder, join(manifestsFolder, 'overlays', overlay))],
      components: added.map(name => relative(folder, join(manifestsFolder, 'components', name))),
    }
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    return await render(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Every overlay, and that of the Gateway API with an edge without a secret. */
export async function renderAll(): Promise<Map<string, KubernetesObject[]>> {
  const all = new Map<string, KubernetesObject[]>()
  for (const name of overlays) all.set(name, await renderOverlay(name))
  return all.set('edge-without-secret', await renderWith('gateway-api', 'edge-without-secret'))
}

/** The objects in a file of YAML documents. */
export function readObjects(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map(document => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS() as KubernetesObject
  })
}

/** The description of the pods of an object that has pods. */
export function podOf(object: KubernetesObject) {
  return object.spec?.template as { metadata: KubernetesObject['metadata']; spec: PodSpec } | undefined
}

export interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  volumes?: Volume[]
  securityContext: Record<string, unknown>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  [field: string]: any
}

export interface Container {
  name: string
  image: string
  command: string[]
  env?: { name: string; value?: string; valueFrom?: Record<string, KeyReference> }[]
  envFrom?: { configMapRef: { name: string } }[]
  ports?: { name: string; containerPort: number; protocol?: string }[]
  volumeMounts?: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[]
  // biome-ignore lint/suspicious/noExplicitAny: as above
  [field: string]: any
}

export interface KeyReference {
  name: string
  key: string
  optional?: boolean
}

export interface Volume {
  name: string
  secret?: { secretName: string; items?: { key: string; path: string }[] }
  configMap?: { name: string }
  emptyDir?: object
  projected?: { sources: { serviceAccountToken: { audience: string; path: string } }[] }
}

export const containersOf = ({ containers, initContainers = [] }: PodSpec) => [...containers, ...initContainers]

/** The Secrets that an operator creates, and their keys: deploy/kubernetes/secret.template.yaml. */
export function readSecrets(text: string): Map<string, string[]> {
  const secrets = text.split(/^---$/m).map(part => parse(part) as KubernetesObject)
  return new Map(secrets.map(({ metadata, stringData }) => [metadata.name, Object.keys(stringData)]))
}
