import type { Command } from 'commander'
import { EXIT, exitIncomplete, UsageError } from './exit-codes.js'
import { withExamples } from './help.js'
import { isJson, print, printResult, say } from './output.js'
import type { Configure } from './with-stores.js'

/** `latchkey doctor` */
export function addDoctorCommand(program: Command, configure: Configure): void {
  const doctor = program
    .command('doctor')
    .description('check this installation: settings, stores, clocks, letters, gateway; say what to correct')
    .option('--url <address>', 'where the running service is asked; by default PUBLIC_ORIGIN and PUBLIC_PATH')
    .option('--no-service', 'check the settings and the stores only, for example before the first start')
    .addHelpText(
      'after',
      '\nExit code: 0 if there is no problem (warnings are none), 1 if there is one. Nothing is changed.',
    )
    .action(async ({ url, service }: { url?: string; service: boolean }) => {
      if (url !== undefined && !isAddress(url))
        throw new UsageError(
          '--url must be an http(s) address without user and query, such as https://auth.example.com',
        )
      const config = await configure()
      const { examine } = await import('../doctor/examine.js')
      const findings = await examine({
        config,
        env: process.env,
        url: service ? (url ?? config.publicUrl).replace(/\/+$/, '') : undefined,
        onProgress: part => isJson() || say(`Checking ${part} …`),
      })
      const problems = findings.filter(({ level }) => level === 'problem').length
      const warnings = findings.filter(({ level }) => level === 'warning').length
      printResult({ problems, warnings, findings }, () => {
        for (const [subject, title] of Object.entries(TITLES)) {
          const found = findings.filter(finding => finding.subject === subject)
          if (found.length > 0) print(title)
          for (const { level, message } of found) print(`  ${level.padEnd(8)} ${message}`)
        }
        print('')
        print(`${count(problems, 'problem')}, ${count(warnings, 'warning')}`)
      })
      if (problems > 0)
        exitIncomplete(EXIT.failed, { code: 'problems_found', message: `${count(problems, 'problem')} found.` })
    })
  withExamples(doctor, 'doctor', 'doctor --url https://auth.example.com', 'doctor --json')
}

const TITLES = {
  configuration: 'Configuration',
  postgres: 'Postgres',
  redis: 'Redis',
  clock: 'Clocks',
  letters: 'Letters',
  service: 'Running service',
  gateway: 'Gateway',
  browser: 'Browsers',
}

function count(number: number, name: string): string {
  return `${number} ${name}${number === 1 ? '' : 's'}`
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === ''
}
