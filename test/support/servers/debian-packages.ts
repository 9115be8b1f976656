import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serversFolder } from './servers-file.js'

const run = promisify(execFile)

type Names = readonly [string, ...string[]]

/**
 * Downloads packages, and the libraries that this machine lacks for them, into `.test-servers/`, once. It needs no root
 * rights: apt uses lists and caches in that folder.
 *
 * @returns the paths of the archives, or undefined where there is no apt or no such package
 */
export async function downloadDebianPackages(...names: Names): Promise<string[] | undefined> {
  return download(names, aptOptions)
}

/** The same, from the backports of this release of Debian, which apt need not be set up for. */
export async function downloadBackports(...names: Names): Promise<string[] | undefined> {
  return download(names, async folder => [...(await aptOptions(folder)), ...(await withBackports(folder))])
}

async function download(names: Names, optionsIn: (folder: string) => Promise<string[]>): Promise<string[] | undefined> {
  const folder = join(serversFolder, `${names[0]}-packages`)
  const found = await listArchives(folder)
  if (found.length > 0) return found

  await mkdir(serversFolder, { recursive: true })
  const draft = await mkdtemp(`${folder}.new-`)
  try {
    const options = await optionsIn(draft)
    await run('apt-get', [...options, 'update'])
    const libraries = await missingLibraries(names, options)
    await run('apt-get', [...options, 'download', ...names, ...libraries], { cwd: draft })
    await rename(draft, folder)
    return await listArchives(folder)
  } catch {
    return undefined
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Unpacks archives into a folder, unless it exists. */
export async function unpackDebianPackages(archives: readonly string[], folder: string) {
  if ((await readdir(folder).catch(() => [])).length === 0) {
    const draft = `${folder}.new-${process.pid}`
    await mkdir(draft, { recursive: true })
    for (const archive of archives) await run('dpkg', ['-x', archive, draft])
    await rename(draft, folder)
  }
  const libraryFolders: string[] = []
  for (const parent of [join(folder, 'usr/lib'), join(folder, 'lib')]) {
    for (const name of await readdir(parent).catch(() => [])) {
      if (name.includes('-linux-gnu')) libraryFolders.push(join(parent, name))
    }
  }
  return { folder, libraryPath: libraryFolders.join(':') }
}

async function aptOptions(folder: string): Promise<string[]> {
  const state = join(folder, 'state')
  const cache = join(folder, 'cache')
  await mkdir(join(state, 'lists/partial'), { recursive: true })
  await mkdir(join(cache, 'archives/partial'), { recursive: true })
  return ['-qq', '-o', `Dir::State=${state}`, '-o', `Dir::Cache=${cache}`, '-o', 'APT::Sandbox::User=']
}

/** Adds the backports to a copy of /etc/apt/sources.list; the other files with sources are read as usual. */
async function withBackports(folder: string): Promise<string[]> {
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  const sources = await readFile('/etc/apt/sources.list', 'utf8').catch(() => '')
  const file = join(folder, 'sources.list')
  const signedBy = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  await writeFile(file, `${sources}\ndeb ${signedBy} http://deb.debian.org/debian ${codename}-backports main\n`)
  return ['-o', `Dir::Etc::sourcelist=${file}`]
}

/** The libraries among the packages that apt would install. */
async function missingLibraries(names: readonly string[], options: readonly string[]): Promise<string[]> {
  const simulated = await run('apt-get', [...options, '--simulate', '--no-install-recommends', 'install', ...names])
  const all = [...simulated.stdout.matchAll(/^Inst (\S+)/gm)].map(match => match[1]!)
  return all.filter(each => each.startsWith('lib'))
}

async function listArchives(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter(name => name.endsWith('.deb')).map(name => join(folder, name))
}
