/** A loop that was blocked first reads what has arrived meanwhile. */
const GRACE_MS = 100

export interface SilenceWatch {
  /** Whether nothing arrived for too long. */
  readonly wasTooLong: boolean
  /** Something has arrived. */
  interrupt(): void
  stop(): void
}

/** Calls `onSilence` once if nothing arrives for this long. */
export function watchSilence(mostMs: number, onSilence: () => void): SilenceWatch {
  let wasTooLong = false
  let grace: NodeJS.Timeout | undefined
  const timer = setTimeout(() => {
    grace = setTimeout(() => {
      wasTooLong = true
      onSilence()
    }, GRACE_MS).unref()
  }, mostMs).unref()
  return {
    get wasTooLong() {
      return wasTooLong
    },
    interrupt() {
      clearTimeout(grace)
      timer.refresh()
    },
    stop() {
      clearTimeout(grace)
      clearTimeout(timer)
    },
  }
}
