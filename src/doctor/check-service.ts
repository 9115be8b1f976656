import type { Config } from '../config/config.js'
import { createDoctorTicket, DOCTOR_HEADER } from '../domain/keys/doctor-ticket.js'
import { deriveSecrets, type Secrets } from '../domain/keys/secrets.js'
import { DOCTOR_COOKIE, type DoctorReport, settingDigests } from '../http/routes/doctor.js'
import { messageOf } from '../lib/error-facts.js'
import { type Answer, ask, readJson } from './ask-service.js'
import { reportClock } from './check-clock.js'
import { checkOrigins } from './check-origins.js'
import { reportProxies } from './check-proxies.js'
import type { Findings } from './finding.js'

/** Enough to reach every instance behind most gateways. */
const QUESTIONS = 8
const CERTIFICATE_WARNING_DAYS = 14
const DAY_MS = 86_400_000

/**
 * Checks the running service through the address that its users have: whether it answers, which address of a client
 * arrives, whether its gateway passes cookies and preflights, and whether all instances have the same settings.
 *
 * @param url without a slash at the end
 */
export async function checkService(config: Config, url: string, findings: Findings): Promise<void> {
  const { ok, problem } = findings.about('service')
  let ready: Answer
  try {
    ready = await ask(`${url}/readyz`)
  } catch (error) {
    problem(
      'answers',
      `No service answers at ${url} (${messageOf(error)}): start it, name its address with --url, or leave this part out with ` +
        '--no-service.',
    )
    return
  }
  const state = readJson(ready.body)
  if (typeof state?.status !== 'string') {
    const { status, headers } = ready
    if (status >= 500) {
      problem(
        'answers',
        `The gateway at ${url} answers ${status}: it reaches no instance. Start one, or correct the gateway.`,
      )
      return
    }
    if (status >= 300 && status < 400) {
      problem('answers', `${url} redirects to ${headers.location}: use that address, for --url and in PUBLIC_ORIGIN.`)
      return
    }
    problem(
      'answers',
      `Something else than Latchkey answers at ${url} (status ${ready.status}): correct PUBLIC_ORIGIN, PUBLIC_PATH or the gateway.`,
    )
    return
  }
  const degraded = Array.isArray(state.degraded) ? state.degraded.join(', ') : ''
  if (ready.status !== 200)
    problem('answers', `The service at ${url} is not ready: ${String(state.reason ?? state.status)}.`)
  else if (degraded !== '') problem('answers', `The service at ${url} is degraded: ${degraded} (docs/operations.md).`)
  else ok('answers', `The service at ${url} is ready.`)

  await checkMetadata(config, url, findings)
  await checkInstances(config, url, findings)
  await checkMethods(url, findings)
  await checkOrigins(config, url, findings)
}

/** A refresh without a token changes nothing, and every instance refuses it in the same words. */
async function checkMethods(url: string, findings: Findings): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const { status, body } = await ask(`${url}/auth/refresh`, { method: 'POST', headers, body: '{}' })
  if (typeof readJson(body)?.code === 'string') return
  findings
    .about('gateway')
    .problem(
      'methods',
      `The gateway answers POST ${url}/auth/refresh itself (status ${status}): let it forward every method.`,
    )
}

/** What other services read to verify tokens. */
async function checkMetadata({ issuer }: Config, url: string, findings: Findings): Promise<void> {
  const { ok, problem } = findings.about('service')
  const metadata = readJson((await ask(`${url}/.well-known/oauth-authorization-server`)).body)
  if (metadata?.issuer !== issuer) {
    problem(
      'issuer',
      `The service at ${url} says that its issuer is ${String(metadata?.issuer)}, and this configuration says ${issuer}: give both the same settings.`,
    )
    return
  }
  const jwks = String(metadata.jwks_uri)
  const keys = await ask(jwks).then(({ body }) => readJson(body)?.keys, messageOf)
  if (Array.isArray(keys) && keys.length > 0)
    ok('keys', `Other services find ${keys.length} public key${keys.length === 1 ? '' : 's'} at ${jwks}.`)
  else problem('keys', `Other services cannot read the public keys at ${jwks}: check PUBLIC_ORIGIN and the gateway.`)
}

async function checkInstances(config: Config, url: string, findings: Findings): Promise<void> {
  const secrets = deriveSecrets(config)
  const { problem } = findings.about('service')
  const reports: DoctorReport[] = []
  for (let question = 0; question < QUESTIONS; question++) {
    const sentAt = Date.now()
    const answer = await ask(`${url}/doctor`, { headers: { [DOCTOR_HEADER]: createDoctorTicket(secrets, sentAt) } })
    const report = readJson(answer.body) as DoctorReport | undefined
    if (answer.status !== 200 || typeof report?.instance !== 'string') {
      problem(
        'secrets',
        `An instance at ${url} does not accept this command (status ${answer.status}): it has another JWT_SECRET, an older version, or a clock that is an hour off, or a gateway does not forward /doctor.`,
      )
      return
    }
    const isNew = !reports.some(({ instance }) => instance === report.instance)
    if (isNew)
      reportClock(findings, {
        name: `the instance ${report.instance}`,
        theirMs: report.time_ms,
        sentAt,
        receivedAt: Date.now(),
      })
    reports.push(report)
    if (question === 0) {
      reportCookie(config, answer, findings)
      reportCertificate(answer, findings)
      await reportProxies(findings, { report, localPort: answer.localPort, url, secrets })
    }
  }
  reportSettings(config, secrets, reports, findings)
}

function reportSettings(config: Config, secrets: Secrets, reports: DoctorReport[], findings: Findings): void {
  const { ok, problem, warning } = findings.about('service')
  const instances = new Set(reports.map(({ instance }) => instance))
  const count = instances.size === 1 ? 'One instance' : `${instances.size} instances`
  const names = Object.keys(reports[0]!.settings)
  const different = names.filter(name => new Set(reports.map(({ settings }) => settings[name])).size > 1)
  const own = settingDigests(config, secrets)
  const foreign = names.filter(name => !different.includes(name) && reports[0]!.settings[name] !== own[name])
  if (different.length > 0)
    problem(
      'same_settings',
      `The instances ${[...instances].join(', ')} differ in ${different.join(', ')}: give all of them the same.`,
    )
  else ok('same_settings', `${count} answered; what must be the same is the same.`)
  if (foreign.length > 0)
    problem(
      'own_settings',
      `This command has another ${foreign.join(', ')} than the service: run it with the environment of the service.`,
    )
  const versions = new Set(reports.map(({ version }) => version))
  if (versions.size > 1)
    warning('same_version', `The instances have the versions ${[...versions].join(' and ')}: finish the upgrade.`)
}

function reportCookie({ cookie }: Config, { setCookies, headers }: Answer, findings: Findings): void {
  const { ok, problem } = findings.about('gateway')
  const found = setCookies.find(text => text.startsWith(`${DOCTOR_COOKIE}=`))
  const attributes = found?.toLowerCase().split(/; */) ?? []
  const wanted = [
    `path=${cookie.path}`,
    'httponly',
    `samesite=${cookie.sameSite}`,
    ...(cookie.secure ? ['secure'] : []),
  ].map(text => text.toLowerCase())
  const missing = wanted.filter(attribute => !attributes.includes(attribute))
  if (found === undefined)
    problem(
      'cookies',
      'The gateway removes cookies from answers, so no browser can stay signed in: let Set-Cookie pass.',
    )
  else if (missing.length > 0)
    problem('cookies', `The gateway changes cookies: ${missing.join(', ')} is missing. Let Set-Cookie pass as it is.`)
  else ok('cookies', 'Cookies arrive as the service sent them.')
  if (headers.age !== undefined || !/no-store/.test(headers['cache-control'] ?? ''))
    problem(
      'cache',
      'A cache between the service and this machine keeps answers, or changes Cache-Control: switch it off for the service.',
    )
}

function reportCertificate({ certificateEnds }: Answer, findings: Findings): void {
  if (certificateEnds === undefined) return
  const { ok, warning } = findings.about('gateway')
  const days = Math.floor((certificateEnds.getTime() - Date.now()) / DAY_MS)
  if (days < CERTIFICATE_WARNING_DAYS)
    warning('certificate', `The certificate of the service ends in ${days} days: renew it.`)
  else ok('certificate', `The certificate of the service is valid for ${days} more days.`)
}
