import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Finds a Python that can import these modules. Debian's own is tried too, because another may precede it on the PATH. */
export async function findPython(modules: string): Promise<string | undefined> {
  for (const python of [process.env.PYTHON ?? 'python3', '/usr/bin/python3']) {
    const found = await run(python, ['-c', `import ${modules}`]).then(
      () => true,
      () => false,
    )
    if (found) return python
  }
  return undefined
}
