export type Level = 'ok' | 'warning' | 'problem'
export type Subject = 'configuration' | 'postgres' | 'redis' | 'clock' | 'letters' | 'service' | 'gateway' | 'browser'

/** One thing that was checked. */
export interface Finding {
  readonly subject: Subject
  /** Names the check, for programs. It never changes its meaning. */
  readonly check: string
  readonly level: Level
  /** What was found; a problem also says what to do. */
  readonly message: string
}

/** Collects findings about one subject. */
export class Findings {
  readonly all: Finding[] = []

  about(subject: Subject) {
    const add = (level: Level) => (check: string, message: string) => {
      this.all.push({ subject, check, level, message })
    }
    return { ok: add('ok'), warning: add('warning'), problem: add('problem') }
  }
}
