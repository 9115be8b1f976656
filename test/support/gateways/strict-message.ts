import protobuf, { type Enum, type Field, type Root, type Type } from 'protobufjs'

/**
 * Checks a value, as YAML has it, against a message as Envoy does at its start: every field must exist, and have a value of
 * its type. `google.protobuf.Any` names its message in `@type`.
 *
 * @param typeOf - the name of the message for an `@type`, or undefined if there is none
 * @returns what is wrong, with the path of each field
 */
export function problemsOf(
  root: Root,
  type: string,
  value: unknown,
  typeOf: (url: string) => string | undefined,
): string[] {
  const problems: string[] = []
  checkMessage(root.lookupType(type), value, type)
  return problems

  function checkMessage(message: Type, given: unknown, path: string): void {
    if (message.fullName.startsWith('.google.protobuf.')) {
      checkKnown(message.name, given, path)
      return
    }
    if (!isObject(given)) {
      problems.push(`${path} must be an object`)
      return
    }
    for (const { name, oneof } of message.oneofsArray.map(each => ({ name: each.name, oneof: each.oneof })))
      if (oneof.filter(each => each in given).length > 1) problems.push(`${path}.${name} has more than one field`)
    for (const [name, each] of Object.entries(given)) {
      const field = message.fields[name]?.resolve()
      if (field) checkField(field, each, `${path}.${name}`)
      else problems.push(`${path}.${name} does not exist`)
    }
  }

  function checkField(field: Field, given: unknown, path: string): void {
    if (field.repeated && !Array.isArray(given)) problems.push(`${path} must be a list`)
    else if (field.repeated)
      for (const [i, each] of (given as unknown[]).entries()) checkOne(field, each, `${path}[${i}]`)
    else if (field.map && !isObject(given)) problems.push(`${path} must be an object`)
    else if (field.map)
      for (const [key, each] of Object.entries(given as object)) checkOne(field, each, `${path}[${key}]`)
    else checkOne(field, given, path)
  }

  function checkOne({ resolvedType, type: scalar }: Field, given: unknown, path: string): void {
    if (resolvedType instanceof protobuf.Type) checkMessage(resolvedType, given, path)
    else if (resolvedType) {
      if (!Object.hasOwn((resolvedType as Enum).values, String(given))) problems.push(`${path} has no value ${given}`)
    } else if (typeof given !== (scalar === 'bool' ? 'boolean' : scalar === 'string' ? 'string' : 'number'))
      problems.push(`${path} must be a ${scalar}`)
  }

  /** The types that have a form of their own in JSON. */
  function checkKnown(name: string, given: unknown, path: string): void {
    if (name === 'Any') {
      const { '@type': url, ...rest } = isObject(given) ? given : {}
      const named = typeof url === 'string' ? typeOf(url) : undefined
      if (named === undefined) problems.push(`${path} has no known @type: ${url}`)
      else checkMessage(root.lookupType(named), rest, path)
    } else if (name === 'Duration') {
      if (typeof given !== 'string' || !/^\d+(\.\d+)?s$/.test(given))
        problems.push(`${path} must be a duration such as 1s`)
    } else if (typeof given !== (name === 'BoolValue' ? 'boolean' : 'number'))
      problems.push(`${path} must be a ${name}`)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
