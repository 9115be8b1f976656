import type { Revocation } from '@latchkey/verifier/core'
import type { JournalPage, ReadableJournal } from '../../../src/revocations/journal-follower.js'

export interface Row {
  id: number
  xid: number
  revocation: Revocation
}

/** A journal in memory, whose transactions commit in any order, as in Postgres. */
export class ModelJournal implements ReadableJournal {
  readonly serverStart: string
  readonly committed: Row[]
  readonly #open = new Map<number, Row>()
  #nextXid: number
  #nextId: number

  constructor(serverStart: string, committed: Row[] = []) {
    this.serverStart = serverStart
    this.committed = committed
    this.#nextXid = 1 + Math.max(100, ...committed.map(({ xid }) => xid))
    this.#nextId = 1 + Math.max(0, ...committed.map(({ id }) => id))
  }

  get openXids(): number[] {
    return [...this.#open.keys()]
  }

  /** Begins a transaction that writes an entry. */
  begin(revocation: Revocation): number {
    const xid = this.#nextXid++
    this.#open.set(xid, { id: this.#nextId++, xid, revocation })
    return xid
  }

  commit(xid: number): Revocation {
    const row = this.#open.get(xid)!
    this.#open.delete(xid)
    this.committed.push(row)
    return row.revocation
  }

  /** A server that took over, without the newest commits and with none of the open transactions. */
  failover(serverStart: string, lostCommits: number): ModelJournal {
    const kept = this.committed.slice(0, Math.max(0, this.committed.length - lostCommits))
    return new ModelJournal(serverStart, kept)
  }

  async readAll(): Promise<JournalPage> {
    return this.#page(0)
  }

  async readSince(xid: string): Promise<JournalPage> {
    return this.#page(Number(xid))
  }

  #page(from: number): JournalPage {
    const rows = this.committed.filter(({ xid }) => xid >= from).sort((a, b) => a.id - b.id)
    const xmin = Math.min(this.#nextXid, ...this.#open.keys())
    return {
      entries: rows.map(({ revocation }) => revocation),
      places: rows.map(({ id, xid }) => ({ id, xid: String(xid) })),
      position: { serverStart: this.serverStart, xid: String(xmin) },
      snapshot: `${xmin}:${this.#nextXid}:${this.openXids.join()}`,
      isStandby: false,
    }
  }
}

/** Whether a position contains what a transaction wrote: what `pg_visible_in_snapshot` says. */
export function sees(position: string, serverStart: string, { xid }: Row): boolean {
  const [start, snapshot] = position.split('/') as [string, string]
  const [, xmax, open] = snapshot.split(':') as [string, string, string]
  return start === serverStart && xid < Number(xmax) && !open.split(',').includes(String(xid))
}
