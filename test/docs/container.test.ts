import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { settings } from '../../src/config/read-settings.js'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Service {
  image?: string
  build?: string
  environment?: Record<string, string>
  command?: string[]
  volumes?: string[]
  healthcheck?: object
  depends_on?: Record<string, { condition: string }>
}

const dockerfile = read('Dockerfile').replaceAll(/\\\n/g, '')
const composeText = read('docker-compose.yml')
const compose = parse(composeText) as { services: Record<string, Service>; volumes: Record<string, unknown> }

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

t.test('the image runs the same command as npm start, with a file that the build produces', async t => {
  const [, command] = /^CMD (\[.+\])$/m.exec(dockerfile) ?? []
  const [program, file, ...args] = JSON.parse(command!) as string[]
  const { scripts, bin } = JSON.parse(read('package.json'))
  t.equal([program, file, ...args].join(' '), scripts.start)
  t.equal(file, bin.latchkey)
  const { rootDir, outDir } = JSON.parse(read('tsconfig.build.json')).compilerOptions
  t.ok(existsSync(join(root, file!.replace(outDir, rootDir).replace(/js$/, 'ts'))), String(file))
})

t.test('the image runs as the user node and without development dependencies', async t => {
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  t.match(lastStage, /^USER node$/m)
  t.match(lastStage, /^ENV NODE_ENV=production$/m)
  t.notMatch(lastStage, /node_modules.*build/)
  t.match(dockerfile, /npm ci --omit=dev/)
})

t.test('every environment variable that docker-compose.yml gives the service is a setting', async t => {
  const names = Object.keys(compose.services.latchkey?.environment ?? {})
  t.ok(names.length > 0)
  for (const name of names) t.ok(name in settings, name)
})

t.test('docker-compose.yml contains no secret and requires the operator’s own', async t => {
  const example = read('.env.example')
  const secrets = new Set([...composeText.matchAll(/\$\{(\w*(?:SECRET|PASSWORD)\w*)/g)].map(match => match[1]!))
  t.same([...secrets].sort(), ['JWT_REFRESH_SECRET', 'JWT_SECRET', 'POSTGRES_PASSWORD'])
  for (const name of secrets) {
    t.notMatch(composeText, new RegExp(`\\$\\{${name}(?!:\\?)`), `${name} stops the start when it is missing`)
    t.match(example, new RegExp(`^${name}=$`, 'm'), `${name} is in the example, empty`)
  }
})

t.test('docker-compose.yml starts the service only when its dependencies are healthy', async t => {
  for (const [name, { condition }] of Object.entries(compose.services.latchkey?.depends_on ?? {})) {
    t.equal(condition, 'service_healthy')
    t.ok(compose.services[name]?.healthcheck, name)
  }
  t.match(dockerfile, /^HEALTHCHECK /m)
})

t.test('docker-compose.yml keeps data only in named volumes', async t => {
  const mounted = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes.map(each => each.split(':')[0]))
  t.same(mounted.sort(), Object.keys(compose.volumes).sort())
})

t.test('Redis in docker-compose.yml evicts no key', async t => {
  t.match(compose.services.redis?.command?.join(' '), '--maxmemory-policy noeviction')
})
