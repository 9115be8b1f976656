/** All errors of the configuration. Each one names its variable and the fix, and contains no secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const heading =
      problems.length === 1 ? 'The configuration has an error' : `The configuration has ${problems.length} errors`
    super([`${heading} (docs/configuration.md describes every setting):`, ...problems].join('\n  - '))
    this.name = 'ConfigError'
    this.problems = Object.freeze([...problems])
  }
}
