/** Some commands of a page, and what their request must answer. */
export interface Step {
  /** Where it begins in the page, for people. */
  line: number
  commands: string
  /** Undefined for commands that only have to succeed. */
  expected: { status: number; answer: string } | undefined
}

const FENCE = /^```(.*)$/
const EXPECTATION = /^# → (\d{3}) ?(.*)$/

/**
 * Reads the walk of a page: all that stands in its blocks of ```sh walk. A comment such as `# → 200 {"status":…}` ends a
 * step: the one request before it must answer with that status and, if there is more, with that text, in which `…` stands
 * for anything.
 */
export function readWalk(markdown: string): Step[] {
  const steps: Step[] = []
  let inWalk = false
  let inBlock = false
  let commands: string[] = []
  let start = 0

  const endStep = (expected: Step['expected']) => {
    if (expected || commands.some(line => line.trim() !== '' && !line.startsWith('#')))
      steps.push({ line: start, commands: commands.join('\n'), expected })
    commands = []
  }

  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = FENCE.exec(line)
    if (fence) {
      if (inWalk) endStep(undefined)
      inBlock = !inBlock
      inWalk = inBlock && fence[1]!.trim() === 'sh walk'
    } else if (inWalk) {
      const expectation = EXPECTATION.exec(line)
      if (expectation) endStep({ status: Number(expectation[1]), answer: expectation[2]!.trim() })
      else {
        if (commands.every(before => before.trim() === '')) start = index + 1
        commands.push(line)
      }
    }
  }
  return steps
}
