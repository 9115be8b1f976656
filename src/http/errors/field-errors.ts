import type { FieldError } from '../../lib/errors.js'
import { messageOf, type Part, type SchemaError } from './schema-messages.js'

/** What a client learns about a request that its schema refuses. */
export interface SchemaRefusal {
  /** One entry for each wrong field, in the order of the schema. */
  errors?: readonly FieldError[]
  /** A sentence, if the body or the query as a whole is wrong. */
  detail?: string
}

/** More than any form has. A body of 4 KB can have hundreds of unknown fields. */
const MAX_ERRORS = 20
const FIELD_NAME_MAX_LENGTH = 64

/**
 * Translates the errors of the schema validator into our own words. They contain the field and the rule, never the value,
 * the pattern or a JSON pointer.
 *
 * @param part of the request; by default the body
 */
export function refusalOfSchema(found: readonly SchemaError[], part: Part = 'body'): SchemaRefusal {
  const fields = new Map<string, string>()
  let detail: string | undefined
  for (const { field, message } of summarise(found).flatMap(error => describe(error, part))) {
    if (field === '') detail ??= `The ${PART_NAMES[part]} ${message}.`
    // The first rule that a field breaks is enough.
    else if (!fields.has(field) && fields.size < MAX_ERRORS) fields.set(field, message)
  }
  if (fields.size === 0) return { detail: detail ?? `The ${PART_NAMES[part]} is not valid.` }
  return { errors: [...fields].map(([field, message]) => ({ field, message })) }
}

const PART_NAMES: Record<Part, string> = { body: 'body', querystring: 'query', params: 'path', headers: 'header' }

/**
 * Replaces the errors of all branches of an `anyOf` or a `oneOf` by those that help: of the branch that has the type of
 * the value, or by one error for the whole. The validator reports the branches first.
 */
function summarise(found: readonly SchemaError[]): SchemaError[] {
  const kept: SchemaError[] = []
  for (const error of found) {
    if (error.keyword !== 'anyOf' && error.keyword !== 'oneOf') {
      kept.push(error)
      continue
    }
    const first = kept.findIndex(other => isWithin(other, error))
    const ofBranches = first === -1 ? [] : kept.splice(first)
    kept.push(...usefulErrors(error, ofBranches))
  }
  return kept
}

/** An error in a referenced schema has the path of that schema. */
function isWithin({ schemaPath, instancePath }: SchemaError, whole: SchemaError): boolean {
  const isReferenced = documentOf(schemaPath) !== documentOf(whole.schemaPath)
  return (isReferenced || schemaPath.startsWith(`${whole.schemaPath}/`)) && instancePath.startsWith(whole.instancePath)
}

function documentOf(schemaPath: string): string {
  return schemaPath.slice(0, schemaPath.indexOf('#'))
}

function usefulErrors(whole: SchemaError, ofBranches: readonly SchemaError[]): SchemaError[] {
  if (whole.parentSchema?.['x-message'] !== undefined || (whole.params.passingSchemas ?? null) !== null) return [whole]
  const branches = new Map<string, SchemaError[]>()
  for (const error of ofBranches) {
    const { schemaPath } = error
    const isHere = schemaPath.startsWith(`${whole.schemaPath}/`)
    const branch = isHere ? schemaPath.slice(whole.schemaPath.length).split('/')[1]! : documentOf(schemaPath)
    branches.set(branch, [...(branches.get(branch) ?? []), error])
  }
  const ofItsType = [...branches.values()].filter(errors => !errors.some(error => isAboutTheWhole(error, whole)))
  // If several branches have its type, the whole says more: it names all fields of an either/or.
  return ofItsType.length === 1 ? ofItsType[0]! : [whole]
}

/** Whether a branch is for another type, or for another constant, than the value. */
function isAboutTheWhole({ keyword, instancePath }: SchemaError, whole: SchemaError): boolean {
  return instancePath === whole.instancePath && ['type', 'const', 'enum'].includes(keyword)
}

function describe(error: SchemaError, part: Part): FieldError[] {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer)
  const at = (name: string) => [...path, name].join('.').slice(0, FIELD_NAME_MAX_LENGTH)
  const { additionalProperty, unevaluatedProperty, missingProperty, propertyName } = error.params
  // The client chose these names: only enough is kept to find the mistake.
  const extra = additionalProperty ?? unevaluatedProperty ?? propertyName
  if (typeof extra === 'string') {
    const noun = part === 'querystring' ? 'parameter' : 'field'
    return [{ field: at(extra), message: `is not a ${noun} of this request` }]
  }
  const choice = choiceOfFields(error)
  if (choice.length > 1) {
    const sent = choice.filter(name => Object.hasOwn((error.data ?? {}) as object, name))
    const isSent = sent.length > 0
    const concerned = isSent ? sent : choice
    return concerned.map(name => {
      const others = concerned.filter(other => other !== name).join(' or ')
      const message = isSent ? `cannot be sent together with ${others}` : `is required, unless you send ${others}`
      return { field: at(name), message }
    })
  }
  if (typeof missingProperty === 'string') {
    const { property } = error.params
    const message = typeof property === 'string' ? `is required together with ${property}` : 'is required'
    return [{ field: at(missingProperty), message }]
  }
  const field = path.join('.').slice(0, FIELD_NAME_MAX_LENGTH)
  return [{ field, message: messageOf(error, field === '' ? undefined : part) }]
}

/** The fields of which exactly one must be sent: each branch requires one field. */
function choiceOfFields({ keyword, parentSchema }: SchemaError): string[] {
  if (keyword !== 'oneOf' && keyword !== 'anyOf') return []
  const branches = parentSchema?.[keyword]
  if (!Array.isArray(branches) || parentSchema?.['x-message'] !== undefined) return []
  const names = branches.map((branch: { required?: readonly string[] }) => branch.required ?? [])
  return names.every(list => list.length === 1) ? names.flat() : []
}

function unescapePointer(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}
