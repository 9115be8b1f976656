import { AuthError } from '@latchkey/client'
import { useEffect, useState } from 'preact/hooks'
import { Button, Title } from './elements.js'
import { describeFailure } from './failures.js'
import * as texts from './texts/en.js'
import { durationWords } from './words.js'

/** Why something failed, if it did. */
export function Failed({ failure, before }: { failure: unknown; before?: string | undefined }) {
  if (failure === undefined) return null
  return (
    <p role="alert" class="failure">
      {before && `${before} `}
      {describeFailure(failure).message}
    </p>
  )
}

export interface RetryProps {
  failure: unknown
  /** A sentence before the reason. */
  before?: string
  onRetry(): void
}

/** Why something failed, and a button to try again, which waits for as long as the service asks for. */
export function Retry({ failure, before, onRetry }: RetryProps) {
  const leftSeconds = useCountdown(failure instanceof AuthError ? failure.retryAfterSeconds : 0)
  const mustWait = leftSeconds > 0
  return (
    <div class="retry">
      <Failed failure={failure} before={before} />
      <Button class="primary" isBusy={mustWait} onClick={onRetry}>
        {texts.tryAgain}
        {mustWait && ` (${durationWords(leftSeconds)})`}
      </Button>
    </div>
  )
}

/** How many of these seconds, which begin now, are left. */
function useCountdown(seconds: number): number {
  const [leftSeconds, setLeft] = useState(seconds)
  useEffect(() => {
    const end = Date.now() + seconds * 1000
    const timer = setInterval(() => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000))), 1000)
    return () => clearInterval(timer)
  }, [seconds])
  return leftSeconds
}

/** The page while it cannot find out what to show. */
export function Unavailable({ failure, onRetry }: RetryProps) {
  return (
    <section class="card narrow">
      <Title>{texts.yourAccount}</Title>
      <Retry failure={failure} onRetry={onRetry} />
    </section>
  )
}
