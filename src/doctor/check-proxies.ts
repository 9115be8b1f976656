import { createDoctorTicket, DOCTOR_HEADER } from '../domain/keys/doctor-ticket.js'
import type { Secrets } from '../domain/keys/secrets.js'
import type { DoctorReport } from '../http/routes/doctor.js'
import { ask, readJson } from './ask-service.js'
import type { Findings } from './finding.js'

export interface ProxyQuestion {
  /** The first answer, to a request without headers of proxies. */
  report: DoctorReport
  /** The port of this end of its connection. */
  localPort: number
  url: string
  secrets: Pick<Secrets, 'doctorKeys'>
}

/** An address that is in no network (RFC 5737). */
const FALSE_ADDRESS = '192.0.2.77'

/**
 * Says which address of a client arrives at the service, and whether a client can choose it. Rate limits, the lockout
 * and the list of devices depend on it.
 */
export async function reportProxies(findings: Findings, question: ProxyQuestion): Promise<void> {
  const { ok, warning, problem } = findings.about('gateway')
  const { report, localPort, url, secrets } = question
  const { connection, connection_is_trusted: isTrusted, forwarded_for: forwarded, address } = report.request
  if (forwarded !== null && !isTrusted) {
    problem(
      'client_address',
      `A proxy at ${connection} sends X-Forwarded-For, but TRUST_PROXY does not contain it, so all users have its ` +
        'address: set TRUST_PROXY to its network.',
    )
    return
  }
  const headers = { [DOCTOR_HEADER]: createDoctorTicket(secrets, Date.now()), 'x-forwarded-for': FALSE_ADDRESS }
  const second = readJson((await ask(`${url}/doctor`, { headers })).body) as DoctorReport | undefined
  const isBelieved = second?.request?.address === FALSE_ADDRESS
  const isDirect = report.request.connection_port === localPort
  if (isBelieved && forwarded === null && !isDirect) {
    problem(
      'client_address',
      `The proxy at ${connection} passes the X-Forwarded-For of its clients on, so a client can choose its own address: let ` +
        'the proxy replace the header, or append the address of the connection to it.',
    )
    return
  }
  if (isBelieved || (forwarded === null && isTrusted)) {
    warning(
      'client_address',
      isDirect || isBelieved
        ? `TRUST_PROXY contains the address of this machine (${isBelieved && forwarded !== null ? forwarded : connection}), so it ` +
            'cannot be checked from here which address of a client arrives: run the command on another machine, with --url.'
        : `The proxy at ${connection} sends no X-Forwarded-For, so all users have its address: let it send the header.`,
    )
    return
  }
  ok(
    'client_address',
    `The service sees ${address} as the address of this machine, ${isDirect ? 'directly' : `through ${connection}`}.`,
  )
}
