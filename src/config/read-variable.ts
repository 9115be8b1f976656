import { readFileSync } from 'node:fs'

/** The text of a variable; undefined if it is unset or can't be read. */
export type Variable = { text: string | undefined; problem?: string }

/**
 * Reads a variable, or the file that `NAME_FILE` names, without the space around it. Empty counts as unset, because
 * that is what `NAME=` in an env file or an absent value in a Compose file comes to.
 */
export function readVariable(env: NodeJS.ProcessEnv, name: string): Variable {
  const text = env[name]?.trim() || undefined
  const file = env[`${name}_FILE`]?.trim() || undefined
  if (file === undefined) return { text }
  if (text !== undefined) return { text: undefined, problem: `${name} and ${name}_FILE are both set: keep one.` }

  try {
    const content = readFileSync(file, 'utf8').trim()
    if (content !== '') return { text: content }
    return { text: undefined, problem: `${name}_FILE names an empty file: put the value into it, or unset it.` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return {
      text: undefined,
      problem: `${name}_FILE names a file that can't be read (${code}): check path and rights.`,
    }
  }
}

export function isSet(env: NodeJS.ProcessEnv, name: string): boolean {
  return Boolean(env[name]?.trim() || env[`${name}_FILE`]?.trim())
}
