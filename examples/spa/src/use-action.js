import { useCallback, useState } from 'react'

/** Runs what a button does, and holds what went wrong, for people. */
export function useAction() {
  const [isRunning, setIsRunning] = useState(false)
  const [error, setError] = useState()
  const run = useCallback(async action => {
    setIsRunning(true)
    setError(undefined)
    try {
      return await action()
    } catch (error) {
      setError(error)
    } finally {
      setIsRunning(false)
    }
  }, [])
  return { run, isRunning, error, problem: error && describe(error) }
}

/** Neither a network that is down nor an error of a service means that the user is signed out. */
export function describe(error) {
  if (error instanceof TypeError) return 'The service cannot be reached. Try again in a moment.'
  const { retryAfterSeconds } = error
  return retryAfterSeconds ? `${error.message} Try again in ${retryAfterSeconds} s.` : error.message
}
