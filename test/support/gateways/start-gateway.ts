import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { findDebianProgram } from '../servers/debian-program.js'
import { runProgram } from '../servers/run-program.js'
import { takesConnections } from './takes-connections.js'

const programs = {
  nginx: {
    path: 'usr/sbin/nginx',
    args: (file: string, folder: string) => ['-p', folder, '-e', 'stderr', '-c', file],
    complete: completeNginx,
  },
  caddy: {
    path: 'usr/bin/caddy',
    args: (file: string) => ['run', '--adapter', 'caddyfile', '--config', file],
    // Every Caddy of a machine would use the same admin port and port 80. The system must not trust its certificates.
    complete: (sites: string) => `{\n  admin off\n  auto_https disable_redirects\n  skip_install_trust\n}\n${sites}`,
  },
  haproxy: {
    path: 'usr/sbin/haproxy',
    args: (file: string) => ['-db', '-f', file],
    complete: (sections: string) => sections,
  },
}

export type GatewayName = keyof typeof programs

/**
 * Starts a real gateway in one process, with its files in a temporary folder, and waits until it listens.
 *
 * @param configuration - what an operator writes: for nginx, the whole file or the blocks inside of `http`
 * @returns its address
 */
export async function startGateway(t: Test, name: GatewayName, configuration: string, port: number): Promise<string> {
  const { path, args, complete } = programs[name]
  const program = await findDebianProgram(name, path)
  const folder = await mkdtemp(join(tmpdir(), `latchkey-${name}-`))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'configuration')
  await writeFile(file, complete(configuration))
  const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
  await runProgram(t, program, { args: args(file, folder), folder, env, answers: () => takesConnections(port) })
  return `http://127.0.0.1:${port}`
}

function completeNginx(configuration: string): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${name};`)
  const [, events, http] = /^(events .*?)^http \{\n(.*)^\}/ms.exec(configuration) ?? ['', 'events {}', configuration]
  return `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
${events}
http {
  access_log off;
  ${folders.join('\n  ')}
  ${http}
}
`
}
