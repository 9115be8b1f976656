import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { findFreePort } from '../free-port.js'
import { skipWithout } from '../skip-without.js'

const run = promisify(execFile)

export const skipWithoutOpenssl = skipWithout(
  await run('openssl', ['version']).then(
    () => true,
    () => false,
  ),
  'openssl is not on the PATH',
)

/** Makes a certificate for 127.0.0.1 that signs itself. Returns the paths of both files. */
export async function makeCertificate(t: Test): Promise<{ cert: string; key: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-nodes']
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  await run('openssl', ['req', '-x509', ...newKey, ...subject, '-keyout', key, '-out', cert])
  return { cert, key }
}

/** Arguments that make a Redis server use TLS on a second port. The first one, without TLS, shows that it is up. */
export async function redisTls(t: Test) {
  const { cert, key } = await makeCertificate(t)
  const port = await findFreePort()
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert, '--tls-auth-clients', 'no']
  return { cert, url: `rediss://127.0.0.1:${port}`, args: ['--tls-port', `${port}`, ...files] }
}
