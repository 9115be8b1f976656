import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import type { KubernetesObject } from './manifests.js'

/** Packages are found from here. */
const folder = fileURLToPath(new URL('../../../.test-build', import.meta.url))

const PACKAGES: Record<string, string> = {
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api/',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator/',
}

/**
 * Checks objects of Kubernetes in two ways: the TypeScript types of their kinds find unknown and missing fields, and the
 * schemas find values that Kubernetes refuses.
 *
 * @returns the problems of each list of objects
 */
export async function schemaProblems(lists: readonly [name: string, objects: KubernetesObject[]][]) {
  const fields = await fieldProblems(lists.map(([, objects]) => objects))
  return Promise.all(
    lists.map(async ([name, objects], at) => {
      const values = (await Promise.all(objects.map(valueProblems))).flat()
      return [name, [...fields[at]!, ...values]] as const
    }),
  )
}

/** The module that exports a kind: `kubernetes-models/apps/v1/Deployment`. */
function moduleOf({ apiVersion, kind }: KubernetesObject): string {
  return `${PACKAGES[apiVersion.split('/')[0]!] ?? 'kubernetes-models/'}${apiVersion}/${kind}`
}

async function fieldProblems(lists: readonly KubernetesObject[][]): Promise<string[][]> {
  const place = await mkdtemp(join(folder, 'kubernetes-'))
  try {
    const files = await Promise.all(
      lists.map(async (objects, at) => {
        const lines = objects.map((object, index) => {
          const type = `import("${moduleOf(object)}").I${object.kind}`
          return `export const object${index}: ${type} = ${JSON.stringify(object)}`
        })
        const file = join(place, `list${at}.mts`)
        await writeFile(file, lines.join('\n'))
        return file
      }),
    )
    const options: ts.CompilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2022.d.ts'],
      types: [],
    }
    const program = ts.createProgram(files, options)
    return files.map(file =>
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(file))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    )
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

async function valueProblems(object: KubernetesObject): Promise<string[]> {
  const { filters, others } = withoutExternalAuth(object)
  try {
    await validate(moduleOf(object), object.kind, others)
    const filterModule = `${PACKAGES['gateway.networking.k8s.io']}gateway.networking.k8s.io/v1/HTTPExternalAuthFilter`
    for (const filter of filters) await validate(filterModule, 'HTTPExternalAuthFilter', filter)
    return []
  } catch (error) {
    return [`${object.kind} ${object.metadata.name}: ${(error as Error).message}`]
  }
}

async function validate(path: string, name: string, given: unknown): Promise<void> {
  const { [name]: Model } = (await import(path)) as Record<string, new (given: unknown) => { validate(): void }>
  new Model!(given).validate()
}

/** The schema of HTTPRoute is that of the standard channel, which does not have this filter. Its own schema is there. */
function withoutExternalAuth(object: KubernetesObject): { filters: unknown[]; others: KubernetesObject } {
  const others = structuredClone(object)
  const filters: unknown[] = []
  if (object.kind !== 'HTTPRoute') return { filters, others }
  for (const rule of others.spec.rules) {
    const isExternalAuth = ({ type }: { type: string }) => type === 'ExternalAuth'
    filters.push(
      ...(rule.filters ?? []).filter(isExternalAuth).map((filter: { externalAuth: unknown }) => filter.externalAuth),
    )
    rule.filters = (rule.filters ?? []).filter((filter: { type: string }) => !isExternalAuth(filter))
  }
  return { filters, others }
}
