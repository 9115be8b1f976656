/** What an option can be, and how an error says so after "must be". */
export interface OptionRule {
  readonly accepts: (value: unknown) => boolean
  readonly allowed: string
}

/**
 * Refuses options that do not exist and values that are not allowed: `role` instead of `roles` would otherwise admit
 * everybody. An option that is undefined counts as missing.
 *
 * @param caller the function, for the error
 * @throws TypeError that names the option and what is allowed
 */
export function checkOptions(caller: string, options: unknown, rules: Readonly<Record<string, OptionRule>>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`${caller}: the options must be an object with ${namesOf(rules)}`)
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (!rule) throw new TypeError(`${caller}: the option \`${name}\` does not exist. Known: ${namesOf(rules)}`)
    if (value !== undefined && !rule.accepts(value)) refuseOption(caller, name, `must be ${rule.allowed}`)
  }
}

/** @throws TypeError that names the option. It never contains the value, which can be a secret. */
export function refuseOption(caller: string, option: string, problem: string): never {
  throw new TypeError(`${caller}: the option \`${option}\` ${problem}`)
}

export const TRUE_OR_FALSE: OptionRule = {
  accepts: value => typeof value === 'boolean',
  allowed: 'true or false',
}

export const ANYTHING: OptionRule = { accepts: () => true, allowed: 'anything' }

/** @param purpose what the function does or who makes it */
export function aFunction(purpose: string): OptionRule {
  return { accepts: value => typeof value === 'function', allowed: `a function${purpose}` }
}

export function oneOf(...texts: readonly string[]): OptionRule {
  return {
    accepts: value => texts.includes(value as string),
    allowed: texts.map(text => `'${text}'`).join(' or '),
  }
}

export function wholeNumber(least: number, most: number): OptionRule {
  return {
    accepts: value => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
    allowed: `a whole number from ${least} to ${most}`,
  }
}

function namesOf(rules: Readonly<Record<string, OptionRule>>): string {
  return Object.keys(rules).join(', ')
}
