import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { settings } from '../../src/config/read-settings.js'
import { readCompose } from '../support/compose.js'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const dockerfile = read('Dockerfile').replaceAll(/\\\n/g, '')
const composeText = read('docker-compose.yml')
const { version, description, license } = JSON.parse(read('package.json'))
const compose = readCompose(join(root, 'docker-compose.yml'))
const services = Object.entries(compose.services)

/** What the Dockerfile copies from the checkout, not from another stage. */
const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, paths]) =>
  paths!.split(' ').slice(0, -1),
)

t.test('.dockerignore allows exactly the paths that the Dockerfile copies, and each of them exists', async t => {
  const allowed = read('.dockerignore').match(/(?<=^!).+$/gm)
  t.ok(copied.length > 5)
  for (const path of copied) t.ok(existsSync(join(root, path)), path)
  t.same(new Set(copied), new Set(allowed), '.dockerignore allows no other path')
})

t.test('the image runs the same program as npm start, with a file that the build produces', async t => {
  const [, command] = /^CMD (\[.+\])$/m.exec(dockerfile) ?? []
  const [program, file, ...args] = JSON.parse(command!) as string[]
  const { bin } = JSON.parse(read('package.json'))
  t.strictSame([program, ...args], ['node', 'serve'])
  t.match(read('scripts/start.mjs'), "process.argv.splice(1, 1, program, 'serve')")
  t.equal(file, bin.latchkey)
  const { rootDir, outDir } = JSON.parse(read('tsconfig.build.json')).compilerOptions
  t.ok(existsSync(join(root, file!.replace(outDir, rootDir).replace(/js$/, 'ts'))), String(file))
})

t.test('the image runs as the user node and without development dependencies', async t => {
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  t.match(lastStage, /^USER 1000:1000$/m)
  t.match(lastStage, /^ENV NODE_ENV=production$/m)
  t.notMatch(lastStage, /node_modules.*build/)
  t.match(dockerfile, /npm ci --omit=dev/)
})

t.test('every environment variable that docker-compose.yml gives the service is a setting', async t => {
  const names = Object.keys(compose.services.latchkey?.environment ?? {})
  t.ok(names.length > 0)
  for (const name of names) t.ok(name.replace(/_FILE$/, '') in settings, name)
})

t.test('every setting in .env.example is one of Latchkey or is used by docker-compose.yml', async t => {
  const names = [...read('.env.example').matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name!)
  t.ok(names.length > 4)
  for (const name of names) t.ok(name in settings || composeText.includes(`\${${name}`), name)
})

t.test('docker-compose.yml contains no secret: all of them are files that scripts/make-secrets.sh makes', async t => {
  t.notMatch(composeText, /\$\{\w*(SECRET|PASSWORD)/, 'no secret is read from the environment')
  const made = /^for name in ([\w ]+); do$/m.exec(read('scripts/make-secrets.sh'))?.[1]?.split(' ')
  t.strictSame(made?.sort(), Object.keys(compose.secrets).sort())
  for (const [name, { file }] of Object.entries(compose.secrets)) t.equal(file, `./secrets/${name}`)
  t.match(read('.gitignore'), /^secrets\/$/m)
  for (const [name, { environment = {}, secrets = [] }] of services) {
    for (const [variable, value] of Object.entries(environment)) {
      if (/SECRET|PASSWORD/.test(variable))
        t.ok(secrets.map(secret => `/run/secrets/${secret}`).includes(value), `${variable} of ${name} names its file`)
    }
  }
})

t.test('every container has limits, a log that rotates, and an image with a minor version', async t => {
  for (const [name, { deploy, logging, image, healthcheck }] of services) {
    const { cpus, memory, pids } = deploy?.resources.limits ?? {}
    t.ok(Number(cpus) > 0 && memory && pids, name)
    t.match(logging?.options, { 'max-size': /^\d+m$/, 'max-file': /^\d+$/ }, name)
    t.match(image, /^[a-z]+:\d+\.\d+(\.\d+)?$/, name)
    if (name !== 'latchkey') t.ok(healthcheck, name)
  }
  t.match(dockerfile, /^ARG NODE_IMAGE=node:\d+\.\d+-bookworm-slim$/m)
})

t.test('the image says what it is, with the version of the package', async t => {
  const label = (name: string) => new RegExp(`org\\.opencontainers\\.image\\.${name}="([^"]+)"`).exec(dockerfile)?.[1]
  t.equal(label('title'), 'Latchkey')
  t.equal(label('description'), description)
  t.equal(label('licenses'), license)
  t.equal(label('version'), `$\{VERSION}`)
  t.match(dockerfile, new RegExp(`^ARG VERSION=${version}$`, 'm'))
  t.equal(compose.services.latchkey?.image, `latchkey:${version}`)
})

t.test('latchkey is on the PATH of the image', async t => {
  t.match(dockerfile, 'chmod 755 dist/cli.js && ln -s /app/dist/cli.js /usr/local/bin/latchkey')
  t.match(read('src/cli.ts'), /^#!\/usr\/bin\/env node\n/)
})

t.test('docker-compose.yml starts the service only when its dependencies are healthy', async t => {
  for (const [name, { condition }] of Object.entries(compose.services.latchkey?.depends_on ?? {})) {
    t.equal(condition, 'service_healthy')
    t.ok(compose.services[name]?.healthcheck, name)
  }
  t.match(dockerfile, /^HEALTHCHECK /m)
})

t.test('docker-compose.yml keeps data only in named volumes', async t => {
  const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map(each => each.split(':')[0]))
  t.same(mounted.sort(), Object.keys(compose.volumes).sort())
})

t.test('Redis in docker-compose.yml evicts no key', async t => {
  t.match(compose.services.redis?.command?.join(' '), '--maxmemory-policy noeviction')
})
