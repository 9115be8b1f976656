import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
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

/** What an operator changes in a copy of an overlay. */
export interface Changes {
  components?: string[]
  /** Lines of `settings.env`, in place of those with the same names. */
  settings?: string[]
  /** Files that the copy gets. */
  files?: Record<string, string>
  /** Changes the text of `kustomization.yaml`. */
  edit?(text: string): string
  /** Entries for its lists, such as `patches`. */
  add?: Record<string, unknown[]>
}

/** Copies an overlay to another folder, as docs/kubernetes.md says, changes it and renders it. */
export async function renderCopy(overlay: string, changes: Changes = {}): Promise<KubernetesObject[]> {
  const { components: added = [], settings = [], files = {}, edit = text => text, add = {} } = changes
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'latchkey-overlay-')))
  try {
    await cp(join(manifestsFolder, 'overlays', overlay), folder, { recursive: true })
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content)
    await setLines(join(folder, 'settings.env'), settings)
    const path = join(folder, 'kustomization.yaml')
    const manifests = `${relative(folder, manifestsFolder)}/`
    const kustomization = parse(edit(await readFile(path, 'utf8')).replaceAll('../../', manifests))
    const lists = { ...add, components: added.map(name => `${manifests}components/${name}`) }
    for (const [list, entries] of Object.entries(lists))
      kustomization[list] = [...(kustomization[list] ?? []), ...entries]
    await writeFile(path, JSON.stringify(kustomization))
    return await render(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function setLines(path: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  const names = new Set(lines.map(line => line.split('=')[0]))
  const kept = (await readFile(path, 'utf8')).split('\n').filter(line => !names.has(line.split('=')[0]))
  await writeFile(path, [...kept, ...lines, ''].join('\n'))
}

/** The Gateway API with an edge without a secret. */
export const renderWithoutSecret = (changes: Changes = {}) =>
  renderCopy('gateway-api', {
    components: ['edge-without-secret'],
    settings: ['KUBERNETES_ISSUER=https://kubernetes.default.svc.cluster.local'],
    ...changes,
  })

/** Every overlay, and that of the Gateway API with an edge without a secret. */
export async function renderAll(): Promise<Map<string, KubernetesObject[]>> {
  const all = new Map<string, KubernetesObject[]>()
  for (const name of overlays) all.set(name, await renderOverlay(name))
  return all.set('edge-without-secret', await renderWithoutSecret())
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
  configMap?: { name: string; optional?: boolean }
  emptyDir?: object
  projected?: { sources: { serviceAccountToken: { audience: string; path: string } }[] }
}

/** The settings of a container: its variables, and those of its ConfigMaps. */
export function variablesOf({ env = [], envFrom = [] }: Container, objects: readonly KubernetesObject[]) {
  const mapOf = (wanted: string) =>
    objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === wanted)!.data as Record<
      string,
      string
    >
  const variables: Record<string, string | undefined> = {}
  for (const { configMapRef } of envFrom) Object.assign(variables, mapOf(configMapRef.name))
  for (const { name, value, valueFrom } of env) {
    const from = valueFrom?.configMapKeyRef
    variables[name] = from ? mapOf(from.name)[from.key] : value
  }
  return variables
}

/** Whether a path is below a mounted volume that has this file. */
export function isMounted(path: string, { volumeMounts = [] }: Container, spec: PodSpec, objects: KubernetesObject[]) {
  return volumeMounts.some(({ mountPath, name, subPath }) => {
    if (path !== mountPath && !path.startsWith(`${mountPath}/`)) return false
    const { secret, projected, configMap } = spec.volumes!.find(each => each.name === name)!
    const file = subPath ?? path.slice(mountPath.length + 1)
    if (secret?.items) return secret.items.some(each => each.path === file)
    if (projected) return projected.sources.some(({ serviceAccountToken: { path: at } }) => at === file)
    return objects.some(
      ({ kind, metadata, data }) => kind === 'ConfigMap' && metadata.name === configMap?.name && file in data,
    )
  })
}

export const containersOf = ({ containers, initContainers = [] }: PodSpec) => [...containers, ...initContainers]

/** The Secrets that an operator creates, and their keys: deploy/kubernetes/secret.template.yaml. */
export function readSecrets(text: string): Map<string, string[]> {
  const secrets = text.split(/^---$/m).map(part => parse(part) as KubernetesObject)
  return new Map(secrets.map(({ metadata, stringData }) => [metadata.name, Object.keys(stringData)]))
}
