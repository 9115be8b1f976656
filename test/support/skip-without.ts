/**
 * The value of the option `skip` for tests that need a program that `npm ci` does not install. Without the program they
 * are skipped, with a message. In CI the test file fails instead: a suite that did not run must not count as passed.
 */
export function skipWithout(isInstalled: boolean, message: string): string | false {
  if (isInstalled) return false
  if (process.env.CI === 'true') throw new Error(message)
  return message
}
