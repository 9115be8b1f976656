import type { Test } from 'tap'
import { findFreePort } from '../free-port.js'
import { takesConnections } from '../gateways/takes-connections.js'
import { findRedis } from '../servers/find-redis.js'
import { runProgram } from '../servers/run-program.js'
import { withServersLock } from '../servers/servers-file.js'
import { type Mounted, mountVolumes } from './container-environment.js'

/** Starts Redis with the command of a container: a script for `sh`. Returns its port. */
export async function startContainerRedis(t: Test, mounted: Mounted): Promise<number> {
  const program = await withServersLock(findRedis)
  if (program === undefined) throw new Error('This test needs a redis-server on the PATH.')
  const { root } = await mountVolumes(t, mounted)
  const port = await findFreePort()
  const [shell, option, script] = mounted.container.command
  const located = script!.replace('redis-server', program.path).replaceAll('/run/secrets', `${root}/run/secrets`)
  await runProgram(
    t,
    { ...program, path: `/bin/${shell}` },
    {
      args: [option!, `${located} --port ${port} --dir ${root}`],
      folder: root,
      answers: () => takesConnections(port),
    },
  )
  return port
}
