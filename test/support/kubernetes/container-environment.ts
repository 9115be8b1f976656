import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Container, type KubernetesObject, type PodSpec, variablesOf } from './manifests.js'

export interface ContainerFiles {
  /** The folder that stands for the root of the container's file system. */
  root: string
  /** A folder in which the container cannot write. */
  cwd: string
}

/**
 * Writes the files that the volumes of a container hold, below a folder that stands for its root.
 *
 * @param secrets the values in the Secrets, by name and key
 */
export async function mountVolumes(t: Test, { container, spec, objects, secrets }: Mounted): Promise<ContainerFiles> {
  const root = await mkdtemp(join(tmpdir(), 'latchkey-container-'))
  await chmod(root, 0o755)
  t.teardown(() => rm(root, { recursive: true, force: true }))
  for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
    const volume = spec.volumes!.find(each => each.name === name)!
    const { secret, configMap } = volume
    const data = configMap ? configMapOf(objects, configMap.name) : (secrets[secret?.secretName ?? ''] ?? {})
    const files = secret?.items?.map(({ key, path }) => [path, data[key]!]) ?? Object.entries(data)
    const folder = join(root, subPath === undefined ? mountPath : mountPath.slice(0, -subPath.length))
    await mkdir(folder, { recursive: true })
    for (const [file, content] of files)
      if (subPath === undefined || subPath === file) await writeFile(join(folder, file!), content!)
  }
  const cwd = join(root, 'app')
  await mkdir(cwd)
  await chmod(cwd, 0o555)
  return { root, cwd }
}

export interface Mounted {
  container: Container
  spec: PodSpec
  objects: readonly KubernetesObject[]
  secrets: Record<string, Record<string, string>>
}

/** The environment of a container, with paths below `root`, and as Kubernetes sets it. */
export function environmentOf({ container, objects }: Mounted, { root }: ContainerFiles): Record<string, string> {
  const env: Record<string, string> = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }
  for (const [name, value] of Object.entries(variablesOf(container, objects)))
    if (value !== undefined) env[name] = value.startsWith('/') ? join(root, value) : value
  return env
}

/** The content of a ConfigMap; that of an optional one that does not exist is empty. */
function configMapOf(objects: readonly KubernetesObject[], name: string): Record<string, string> {
  return objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)?.data ?? {}
}
