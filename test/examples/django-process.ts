import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { findPython as findPythonWith } from '../support/find-python.js'
import { findFreePort } from '../support/free-port.js'

const FOLDER = resolve(import.meta.dirname, '../../examples/django')
const TIMEOUT_MS = 60_000

/** Finds a Python with the packages of the example. */
export const findPython = () => findPythonWith('django, rest_framework, rest_framework_simplejwt, cryptography, redis')

/** Starts the example on a free port, and waits until it answers. It is stopped at the end of the test. */
export async function startDjango(t: Test, python: string, env: NodeJS.ProcessEnv): Promise<string> {
  const port = await findFreePort()
  const args = ['manage.py', 'runserver', '--noreload', '--nothreading', `127.0.0.1:${port}`]
  const django = spawn(python, args, {
    cwd: FOLDER,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [django.stdout, django.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const exited = new Promise<void>(resolve => django.once('exit', () => resolve()))
  t.teardown(() => {
    django.kill('SIGKILL')
    return exited
  })

  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    const answer = await fetch(`${url}/notes/`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 401) return url
    if (django.exitCode !== null || Date.now() > deadline) throw new Error(`Django does not answer:\n${output}`)
    await sleep(100)
  }
}
