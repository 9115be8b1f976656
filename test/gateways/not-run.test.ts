import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { deployedFile } from '../support/gateways/deployed-configuration.js'
import { findDebianProgram } from '../support/servers/debian-program.js'

// Traefik, Istio and Kong cannot be run here. What can be checked without them is checked.

t.test('the configurations of Traefik, Istio and Kong are YAML without repeated keys', async t => {
  for (const name of ['traefik.yaml', 'istio.yaml', 'kong.yaml'])
    for (const { errors, warnings } of parseAllDocuments(deployedFile(name))) t.same([...errors, ...warnings], [], name)
})

t.test('each route of Traefik that is not for Latchkey asks the edge after it removed other spellings', async t => {
  const { routers, middlewares } = parse(deployedFile('traefik.yaml')).http
  const used = ({ middlewares }: { middlewares?: string[] }) => middlewares
  t.same(Object.values<{ middlewares?: string[] }>(routers).map(used), [
    undefined,
    ['without-underscores', 'without-upgrade', 'edge'],
    ['without-underscores', 'only-websocket', 'edge'],
  ])
  t.same(middlewares['without-upgrade'].headers.customRequestHeaders, { Upgrade: '', Connection: '' })
  t.equal(middlewares.edge.forwardAuth.trustForwardHeader, false)
})

t.test('the functions of Kong are Lua', async t => {
  const { services } = parse(deployedFile('kong.yaml'))
  const functions = services.flatMap(({ plugins = [] }: { plugins?: { config: Record<string, string[]> }[] }) =>
    plugins.flatMap(({ config }) => Object.values(config).flat()),
  )
  t.equal(functions.length, 2)
  const haproxy = await findDebianProgram('haproxy', 'usr/sbin/haproxy')
  const folder = t.testdir()
  const isLua = async (code: string) => {
    const [lua, configuration] = [join(folder, 'kong.lua'), join(folder, 'haproxy.cfg')]
    await writeFile(lua, `local function phase()\n${code}\nend\n`)
    await writeFile(configuration, `global\n  lua-load ${lua}\n`)
    const env = { ...process.env, ...(haproxy.libraryPath !== undefined && { LD_LIBRARY_PATH: haproxy.libraryPath }) }
    const checked = promisify(execFile)(haproxy.path, ['-c', '-f', configuration], { env })
    return checked.then(
      () => true,
      ({ stderr }) => !/kong\.lua/.test(stderr),
    )
  }
  for (const code of functions) t.ok(await isLua(code))
  t.notOk(await isLua('if then'), 'an error is found')
})
