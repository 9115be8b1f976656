/** Some commands of a page, and the expected answer to their request. */
export interface Step {
  /** The first line of the commands in the page. */
  line: number
  commands: string
  /** Undefined for commands that only have to succeed. */
  expected: { status: number; answer: string } | undefined
}

const FENCE = /^```(.*)$/
const EXPECTATION = /^# → (\d{3}) ?(.*)$/

/**
 * Reads the steps of a page from its blocks of ```sh run. A comment such as `# → 200 {"status":…}` ends a step: the one
 * request before it must be answered with that status and, if the comment contains a text, with that text, in which `…`
 * stands for anything.
 */
export function readSteps(markdown: string): Step[] {
  const steps: Step[] = []
  let isRun = false
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
      if (isRun) endStep(undefined)
      inBlock = !inBlock
      isRun = inBlock && fence[1]!.trim() === 'sh run'
    } else if (isRun) {
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
