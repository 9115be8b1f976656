import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { until } from './eventually.js'
import { findFreePort } from './free-port.js'
import { type LatchkeyProcess, spawnLatchkey } from './latchkey-process.js'

export interface EdgeProcess extends LatchkeyProcess {
  url: string
  port: number
  /** The address of its gRPC server, if the environment asks for one. */
  grpc: string
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

/** An issuer with a client, as a toy or the service has it. */
export interface Followed {
  url: string
  client: { id: string; secret: string }
}

/** The environment of `latchkey edge` for an issuer. */
export function edgeEnv({ url, client }: Followed): NodeJS.ProcessEnv {
  return { EDGE_ISSUER: url, EDGE_CLIENT_ID: client.id, EDGE_CLIENT_SECRET: client.secret }
}

/**
 * Starts `latchkey edge` on `EDGE_PORT`, or else a free port, as a process of its own, and waits until it listens.
 *
 * @param env in addition to the port; `EDGE_RULES` can be the rules themselves
 * @param isReady whether to wait until it has the keys and the list
 */
export async function startEdge(t: Test, env: NodeJS.ProcessEnv, { isReady = true } = {}): Promise<EdgeProcess> {
  const port = env.EDGE_PORT === undefined ? await findFreePort() : Number(env.EDGE_PORT)
  const grpcPort = env.EDGE_GRPC_PORT === undefined ? undefined : await findFreePort()
  const edge = spawnLatchkey({
    args: ['edge'],
    env: {
      SHUTDOWN_DELAY: '0s',
      ...env,
      EDGE_PORT: String(port),
      ...(grpcPort !== undefined && { EDGE_GRPC_PORT: String(grpcPort) }),
    },
  })
  t.teardown(async () => {
    edge.child.kill('SIGKILL')
    await edge.exited
  })
  const url = `http://127.0.0.1:${port}`
  let hasEnded = false
  void edge.exited.then(() => {
    hasEnded = true
  })
  const path = isReady ? 'readyz' : 'livez'
  await until(
    async () => hasEnded || (await fetch(`${url}/${path}`).catch(() => undefined))?.status === 200,
    'the edge is ready',
  )
  if (hasEnded) throw new Error(`The edge ended at its start:\n${edge.stdout()}${edge.stderr()}`)
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    edge.child.kill(signal)
    return edge.exited
  }
  return { ...edge, url, port, grpc: `127.0.0.1:${grpcPort}`, stop }
}

/** Writes a file of rules; returns its path. */
export async function rulesFile(t: Test, text: string): Promise<string> {
  const file = join(t.testdir(), 'rules.yaml')
  await writeFile(file, text)
  return file
}
