import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from 'yaml'
import { type ReadPath, readPath } from './read-path.js'
import { type Rule, Rules } from './rules.js'

export interface ReadRules {
  /** Undefined if there are problems. */
  readonly rules: Rules | undefined
  /** Sentences that begin with the line. */
  readonly problems: readonly string[]
}

/** Reads the rules by route, in YAML or in JSON (which is YAML too), and checks all of them. */
export function readRules(text: string): ReadRules {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problems: string[] = []
  const lineOf = (node: unknown) => lines.linePos((node as { range?: [number] })?.range?.[0] ?? 0).line || 1
  const report: Report = (node, problem) => void problems.push(`line ${lineOf(node)}: ${problem}.`)
  for (const { pos, message } of [...document.errors, ...document.warnings])
    problems.push(`line ${lines.linePos(pos[0]).line}: ${message.replace(/\.$/, '')}.`)
  if (problems.length > 0) return { rules: undefined, problems }
  const { contents } = document
  const list = isMap(contents) ? contents.get('rules', true) : undefined
  if (!isMap(contents) || contents.items.length !== 1 || !isSeq(list)) {
    report(contents, 'the file must have a list named `rules`, and nothing else')
    return { rules: undefined, problems }
  }
  const rules = list.items.flatMap((node, index) => {
    const name = `rules[${index}]`
    if (isMap(node)) return readRule(node, name, report) ?? []
    report(node, `${name} must have a \`prefix\` and what it needs, such as \`access: signed in\``)
    return []
  })
  if (problems.length === 0) refuseRepeated(rules, list.items, report)
  return { rules: problems.length === 0 ? new Rules(rules) : undefined, problems }
}

type Report = (node: unknown, problem: string) => void

const FIELDS = ['prefix', 'methods', 'access', 'roles', 'recent_auth_seconds', 'preflights']

function readRule(map: YAMLMap, name: string, report: Report): Rule | undefined {
  for (const { key } of map.items) {
    const field = isScalar(key) ? String(key.value) : ''
    if (!FIELDS.includes(field))
      report(key, `${name}.${field} does not exist: the fields of a rule are ${FIELDS.join(', ')}`)
  }
  const read = <T>(field: string, accepts: (value: unknown) => value is T, allowed: string): T | undefined => {
    if (!map.has(field)) return undefined
    const node = map.get(field, true) as { toJSON?: () => unknown } | null | undefined
    if (isAlias(node)) {
      report(node, `${name}.${field} is an alias of YAML: write the value itself`)
      return undefined
    }
    const value = node?.toJSON?.()
    if (accepts(value)) return value
    report(node ?? map, `${name}.${field} must be ${allowed}`)
    return undefined
  }
  const prefix = read('prefix', isText, 'a path such as /orders')
  const methods = read('methods', isMethods, 'a list of methods in upper case, such as [POST, PUT]')
  const access = read('access', isAccess, '`public` or `signed in`')
  const roles = read('roles', isRoles, 'a list with one or more roles, such as [editor, admin]')
  const recentAuthSeconds = read('recent_auth_seconds', isSeconds, 'a whole number of seconds, such as 300')
  const preflights = read('preflights', isBoolean, 'true or false')
  const segments = readPrefix(map, prefix, name, report)
  if (!map.has('access') && !map.has('roles') && !map.has('recent_auth_seconds'))
    report(
      map,
      `${name} does not say what it needs: write \`access: public\`, \`access: signed in\`, roles or recent_auth_seconds`,
    )
  if (access === 'public' && (map.has('roles') || map.has('recent_auth_seconds')))
    report(map, `${name} is public and names a user too: remove \`access\`, or roles and recent_auth_seconds`)
  return {
    access: access ?? 'signed in',
    // Roles are compared in this form.
    roles: roles?.map(role => role.normalize('NFC')) ?? [],
    recentAuthSeconds,
    preflights: preflights ?? false,
    segments: segments ?? [],
    // Services answer HEAD as GET.
    methods: methods && new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods),
  }
}

function readPrefix(map: YAMLMap, prefix: string | undefined, name: string, report: Report) {
  if (!map.has('prefix'))
    report(map, `${name} has no prefix: write the path that it is for, such as \`prefix: /orders\``)
  if (prefix === undefined) return undefined
  const node = map.get('prefix', true)
  if (!prefix.startsWith('/')) report(node, `${name}.prefix must begin with a slash`)
  else if (/[?*#]/.test(prefix))
    report(node, `${name}.prefix must be a path without ? * and #: it is for every path below it`)
  else {
    const { segments, end } = readPrefixPath(prefix)
    if (end === 'complete' && segments.every(({ exact }) => exact !== undefined)) return segments
    report(node, `${name}.prefix must be a plain path, without empty segments, . or .., backslashes and semicolons`)
  }
  return undefined
}

function readPrefixPath(prefix: string): ReadPath {
  try {
    return readPath(encodeURI(prefix).replaceAll('%25', '%'))
  } catch {
    // Half of a character that needs two parts.
    return { segments: [], end: 'anywhere' }
  }
}

/** Two rules for the same requests, or prefixes that differ only in upper case, which some services do not distinguish. */
function refuseRepeated(rules: readonly Rule[], nodes: readonly unknown[], report: Report): void {
  const seen = new Map<string, number>()
  for (const [index, rule] of rules.entries()) {
    const path = rule.segments.map(({ folded }) => folded).join('/')
    // Without methods, a rule is for the others.
    const keys = [...(rule.methods ?? ['others'])].map(method => `${method} ${path}`)
    const before = keys.map(key => seen.get(key)).find(at => at !== undefined)
    if (before !== undefined)
      report(nodes[index], `rules[${index}] is for the same requests as rules[${before}]: keep one`)
    for (const key of keys) seen.set(key, index)
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isAccess = (value: unknown): value is 'public' | 'signed in' => value === 'public' || value === 'signed in'
const isSeconds = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0
const isRoles = (value: unknown): value is string[] => isFilled(value) && value.every(isText)
const isMethods = (value: unknown): value is string[] =>
  isFilled(value) && value.every(method => typeof method === 'string' && /^[A-Z][A-Z-]*$/.test(method))

function isFilled(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0
}
