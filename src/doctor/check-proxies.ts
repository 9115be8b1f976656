import { createDoctorTicket, DOCTOR_HEADER } from '../domain/keys/doctor-ticket.js'
import type { Secrets } from '../domain/keys/secrets.js'
import type { DoctorReport } from '../http/routes/doctor.js'
import { ask, readJson } from './ask-service.js'
import type { Findings } from './finding.js'

export interface ProxyQuestion {
  /** The first report, of a request without headers of proxies. */
  report: DoctorReport
  url: string
  secrets: Pick<Secrets, 'doctorKeys'>
}

/** An address that is in no network (RFC 5737). */
const FALSE_ADDRESS = '192.0.2.77'

/**
 * Says which address of a client arrives at the service, and whether a client can choose it. Rate limits, the lockout
 * and the list of devices depend on it.
 */
export async function reportProxies(findings: Findings, { report, url, secrets }: ProxyQuestion): Promise<void> {
  const { ok, warning, problem } = findings.about('gateway')
  const { connection, connection_is_trusted: isTrusted, forwarded_for: forwarded, address } = report.request
  if (forwarded !== null && !isTrusted) {
    problem(
      'client_address',
      `A proxy at ${connection} sends X-Forwarded-For, but TRUST_PROXY does not contain it, so all users have its ` +
        `address: set TRUST_PROXY to its network.`,
    )
    return
  }
  if (forwarded === null && isTrusted && connection === address) {
    // This machine itself can be in that network.
    warning(
      'client_address',
      `The connection came from ${connection}, which is in TRUST_PROXY, without X-Forwarded-For. If that is a proxy, let ` +
        'it send X-Forwarded-For; if it is this machine, use --url with the address of the gateway.',
    )
    return
  }
  const headers = { [DOCTOR_HEADER]: createDoctorTicket(secrets, Date.now()), 'x-forwarded-for': FALSE_ADDRESS }
  const second = readJson((await ask(`${url}/doctor`, { headers })).body) as DoctorReport | undefined
  if (second?.request?.address === FALSE_ADDRESS) {
    problem(
      'client_address',
      'A client can choose its own address with X-Forwarded-For, because TRUST_PROXY contains the address of this ' +
        `machine (${address}) or of every client: set TRUST_PROXY to the networks of your proxies only.`,
    )
    return
  }
  const way = forwarded === null ? 'directly' : `through ${connection}`
  ok('client_address', `The service sees ${address} as the address of this machine, ${way}.`)
}
