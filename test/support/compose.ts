import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { parse } from 'yaml'

export interface ComposeService {
  image?: string
  build?: string
  ports?: string[]
  env_file?: { path: string; required: boolean }[]
  environment?: Record<string, string>
  secrets?: string[]
  command?: string[]
  volumes?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string }>
  logging?: { driver: string; options: Record<string, string> }
  deploy?: { resources: { limits: { cpus: number | string; memory: string; pids: number } } }
}

export interface ComposeFile {
  services: Record<string, ComposeService>
  volumes: Record<string, unknown>
  secrets: Record<string, { file: string }>
}

/** Reads a compose file as Docker Compose does: with the variables of a .env file, in which the shell's have priority. */
export function readCompose(path: string, dotEnv = '', shell: Record<string, string> = {}): ComposeFile {
  const variables = { ...(parseEnv(dotEnv) as Record<string, string>), ...shell }
  const tree = parse(readFileSync(path, 'utf8'), { merge: true })
  return interpolateTree(tree, variables) as ComposeFile
}

/**
 * The environment of a service: that of its image, of its env_file, and of `environment`, in this order.
 *
 * @param options.secrets the folder that stands for /run/secrets
 */
export function environmentOf(
  service: ComposeService,
  { image = {}, dotEnv, secrets }: { image?: Record<string, string>; dotEnv: string; secrets: string },
): Record<string, string> {
  const fromFile = service.env_file?.some(({ path }) => path === '.env') ? parseEnv(dotEnv) : {}
  const all = { ...image, ...(fromFile as Record<string, string>), ...service.environment }
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, inFolder(String(value), secrets)] as const),
  )
}

/** Replaces the place of secrets in a container. */
export const inFolder = (text: string, secrets: string) => text.replaceAll('/run/secrets/', join(secrets, '/'))

function interpolateTree(node: unknown, variables: Record<string, string>): unknown {
  if (typeof node === 'string') return interpolate(node, variables)
  if (Array.isArray(node)) return node.map(each => interpolateTree(each, variables))
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, interpolateTree(value, variables)]))
}

/** `$$`, `${NAME}`, `${NAME:-default}`, whose default may contain variables, and `${NAME:?message}`. */
export function interpolate(text: string, variables: Record<string, string>): string {
  const start = /\$(\$|\{(\w+))/.exec(text)
  if (!start) return text
  const before = text.slice(0, start.index)
  const rest = text.slice(start.index + start[0].length)
  if (start[1] === '$') return `${before}$${interpolate(rest, variables)}`
  const end = endOfBraces(rest)
  const [operator, word] = [rest.slice(0, end).slice(0, 2), rest.slice(2, end)]
  const value = variables[start[2]!]
  if (!value && operator === ':?') throw new Error(`${start[2]}: ${word}`)
  const inserted = value || (operator === ':-' ? interpolate(word, variables) : '')
  return before + inserted + interpolate(rest.slice(end + 1), variables)
}

/** The position of the bracket that closes the braces in which the text begins. */
function endOfBraces(text: string): number {
  let depth = 1
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') depth++
    if (text[at] === '}' && --depth === 0) return at
  }
  throw new Error(`A bracket is not closed: ${text}`)
}
