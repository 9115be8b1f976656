import { setTimeout as sleep } from 'node:timers/promises'

/** Tries again until it works, for what comes back in its own time. */
export async function eventually<T>(attempt: () => Promise<T>, withinMs = 10_000): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > end) throw error
      await sleep(20)
    }
  }
}

/** Waits until a condition holds; `what` says in the error which one did not. */
export async function until(condition: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  await eventually(async () => {
    if (!(await condition())) throw new Error(`It did not come true: ${what}`)
  })
}
