import { useEffect, useRef, useState } from 'preact/hooks'

/** What a button does: once at a time, and with the reason if it failed. */
export interface Action {
  isBusy: boolean
  failure: unknown
  /** Does nothing while something else runs. */
  run(action: () => Promise<unknown>): Promise<void>
}

/** @param read what is newer than a failure when it changes, so that the failure is no longer shown */
export function useAction(read?: unknown): Action {
  const [isBusy, setBusy] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  // A second click may come before the page is drawn again.
  const runs = useRef(false)
  useEffect(() => setFailure(undefined), [read])
  async function run(action: () => Promise<unknown>) {
    if (runs.current) return
    runs.current = true
    setBusy(true)
    setFailure(undefined)
    await action().catch(setFailure)
    runs.current = false
    setBusy(false)
  }
  return { isBusy, failure, run }
}
