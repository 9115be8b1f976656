import { setTimeout as sleep } from 'node:timers/promises'

/** Calls `attempt` again until it does not fail, for something that recovers after some time. */
export async function eventually<T>(attempt: () => Promise<T>, withinMs = 20_000): Promise<T> {
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

/** Waits until a condition is true. `what` names the condition in the error. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'the condition',
  withinMs?: number,
): Promise<void> {
  await eventually(async () => {
    if (!(await condition())) throw new Error(`It did not come true: ${what}`)
  }, withinMs)
}
