import type { Config } from '../config/config.js'
import { ask } from './ask-service.js'
import type { Findings } from './finding.js'

const FOREIGN = 'https://latchkey-doctor.invalid'

/** Checks with a preflight, as browsers send it, that pages of CORS_ORIGINS can call the service, and others cannot. */
export async function checkOrigins({ corsOrigins }: Config, url: string, findings: Findings): Promise<void> {
  const { ok, problem } = findings.about('browser')
  const refused: string[] = []
  for (const origin of corsOrigins) if (!(await isAllowed(url, origin))) refused.push(origin)
  for (const origin of refused)
    problem(
      'cors',
      `Pages of ${origin} cannot call ${url}: the answer to their preflight has no matching Access-Control-Allow-Origin. ` +
        'Let the gateway forward OPTIONS, and let nothing but the service send CORS headers.',
    )
  if (await isAllowed(url, FOREIGN))
    problem(
      'cors',
      'The gateway allows pages of every origin to call the service: let nothing but the service send CORS headers.',
    )
  else if (refused.length === 0)
    ok(
      'cors',
      corsOrigins.length === 0
        ? 'No page of another origin can call the service.'
        : 'Pages of CORS_ORIGINS can call the service, and no others.',
    )
}

async function isAllowed(url: string, origin: string): Promise<boolean> {
  const { headers } = await ask(`${url}/auth/refresh`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-requested-with',
    },
  })
  const allowed = headers['access-control-allow-origin']
  return (allowed === origin || allowed === '*') && headers['access-control-allow-credentials'] === 'true'
}
