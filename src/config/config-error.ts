/** All that is wrong with the configuration at once; every problem names its variable and the fix, and no secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const heading =
      problems.length === 1 ? 'The configuration has a mistake' : `The configuration has ${problems.length} mistakes`
    super([`${heading} (docs/configuration.md describes every setting):`, ...problems].join('\n  - '))
    this.name = 'ConfigError'
    this.problems = Object.freeze([...problems])
  }
}
