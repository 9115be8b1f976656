import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { findFreePort } from '../free-port.js'
import type { GatewayName } from './start-gateway.js'

/** The ports of a test for the addresses in a configuration of deploy/gateways. */
export interface Addresses {
  listen: number
  latchkey: readonly [number, number]
  /** Who decides: two processes of `latchkey edge`, or Latchkey itself. */
  edge?: readonly [number, number]
  orders?: number
  /** The address of every request is that of Latchkey's own host. */
  isLatchkeyOnly?: boolean
  /** Changes of an operator. */
  change?(configuration: string): string
}

const FILES: Record<GatewayName, string> = { nginx: 'nginx.conf', haproxy: 'haproxy.cfg', caddy: 'Caddyfile' }

/** A file of deploy/gateways as it is. */
export function deployedFile(name: string): string {
  return readFileSync(new URL(`../../../deploy/gateways/${name}`, import.meta.url), 'utf8')
}

/** The complete configuration of deploy/gateways for a gateway, with the ports of a test in place of its addresses. */
export async function deployedConfiguration(t: Test, name: GatewayName, addresses: Addresses): Promise<string> {
  const { listen, latchkey, edge = latchkey, orders, isLatchkeyOnly = false, change = text => text } = addresses
  const inside = name === 'haproxy' ? await findFreePort() : 0
  const replace = (text: string) => {
    const ports = {
      'latchkey-1:3000': latchkey[0],
      'latchkey-2:3000': latchkey[1],
      'edge-1:3001': edge[0],
      'edge-2:3001': edge[1],
      'orders:8000': orders ?? latchkey[0],
      '127.0.0.1:3100': inside,
    }
    let replaced = change(text)
      .replace(/^( *listen )80( default_server)?;/gm, `$1127.0.0.1:${listen}$2;`)
      .replace(/^( *bind ):80$/m, `$1127.0.0.1:${listen}`)
      .replace(/^:80 /m, `http://:${listen} `)
    for (const [address, port] of Object.entries(ports)) replaced = replaced.replaceAll(address, `127.0.0.1:${port}`)
    return isLatchkeyOnly ? replaced.replaceAll('auth.example.com', '127.0.0.1') : replaced
  }
  const configuration = replace(deployedFile(FILES[name]))
  if (name !== 'haproxy') return configuration
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-lua-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const lua = join(folder, 'edge.lua')
  await writeFile(lua, replace(deployedFile('edge.lua')))
  return configuration.replace('/etc/haproxy/edge.lua', lua)
}
