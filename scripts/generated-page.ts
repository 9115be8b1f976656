import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Writes a generated page. With `--check` on the command line it writes nothing and sets the exit code to 1 if the page
 * is out of date.
 *
 * @param command what updates the page, for the message
 */
export function writeOrCheck(path: string, content: string, command: string): void {
  if (!process.argv.includes('--check')) {
    writeFileSync(path, content)
  } else if (currentContent(path) !== content) {
    console.error(`${path} is out of date: run ${command}`)
    process.exitCode = 1
  }
}

function currentContent(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
