import type { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { decodeHeartbeat, decodeRevocations, type Revocation, RevocationList } from '@latchkey/verifier/core'
import { newId } from '../../../src/lib/ids.js'
import { Feed } from '../../../src/revocations/feed/feed.js'
import { observersOnly } from '../../../src/revocations/feed/registry.js'
import type { RevocationListener } from '../../../src/revocations/revocation-channel.js'
import { Revocations } from '../../../src/revocations/revocations.js'
import { quietLog } from '../../support/servers/quiet-log.js'
import { ModelJournal, sees } from './model-journal.js'

export const INSTANCES = 2
const VERIFIER = newId()

/** What a follower keeps between its connections. */
class ModelFollower {
  readonly list = new RevocationList()
  readonly positions: string[] = []
  lastEventId: string | undefined
  /** What was committed before the verifier of this connection was registered. */
  registeredAfter: readonly Revocation[] = []
  #text = ''

  /** Reads what came before the cut. */
  read(text: string): void {
    this.#text += text
    const events = this.#text.split('\n\n')
    this.#text = events.pop()!
    for (const event of events) this.#take(event)
  }

  cut(): void {
    this.#text = ''
  }

  #take(event: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(event)?.[1]
    const data = field('data') ?? ''
    if (field('event') === 'revocations') for (const entry of decodeRevocations(data).revocations) this.list.add(entry)
    const id = field('id')
    if (id === undefined) return
    this.lastEventId = id
    const missed = this.registeredAfter.filter(revocation => !this.list.covers(revocation))
    if (missed.length > 0) throw new Error(`the snapshot of the verifier lacks ${JSON.stringify(missed)}`)
    this.positions.push(decodeHeartbeat(data)!.position!)
  }
}

class Response extends EventEmitter {
  text = ''
  isOpen = true
  #writes = 0
  write(bytes: Buffer | string): boolean {
    this.text += bytes.toString()
    const isFull = this.#writes++ % 3 === 1
    if (isFull) setImmediate(() => this.emit('drain'))
    return !isFull
  }
  end(): void {
    this.destroy()
  }
  destroy(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.emit('close')
  }
}

/** Two instances, their database, and what the connections of one follower have brought. */
export class World {
  journal = new ModelJournal('1')
  readonly follower = new ModelFollower()
  readonly instances: { revocations: Revocations; feed: Feed; listener: RevocationListener | undefined }[] = []
  response: Response | undefined
  #entries = 0
  #servers = 1
  #another: Response | undefined

  async open(): Promise<void> {
    for (let n = 0; n < INSTANCES; n++) this.#openInstance()
    for (const { revocations } of this.instances) await revocations.start()
  }

  #openInstance(): void {
    const instance = { listener: undefined } as unknown as World['instances'][number]
    const log = quietLog()
    instance.revocations = new Revocations({
      journal: { readAll: () => this.journal.readAll(), readSince: xid => this.journal.readSince(xid) },
      channel: {
        publish: async () => {},
        follow: listener => {
          instance.listener = listener
          return { listening: Promise.resolve(), stop: async () => {} }
        },
        complete: async () => {},
      },
      log,
      clock: Date.now,
      maxStalenessSeconds: 10,
      repair: async findLost => {
        const lost = findLost((await this.journal.readAll()).entries)
        for (const entry of lost) this.journal.commit(this.journal.begin(entry))
        return lost
      },
    })
    instance.feed = new Feed({
      revocations: instance.revocations,
      registry: {
        ...observersOnly,
        register: async () => {
          this.follower.registeredAfter = this.journal.committed.map(({ revocation }) => revocation)
          return 'registered'
        },
      },
      maxFollowers: 10,
      clock: Date.now,
      log,
      findRefused: async () => new Set(),
      maxRecentEntries: 4,
    })
    this.instances.push(instance)
  }

  entry(): Revocation {
    const n = this.#entries++
    const rest = { reason: 'logout', expiresAt: Date.now() + 7_200_000 }
    if (n % 3 === 0) return { kind: 'session', subject: `s${n}`, ...rest }
    if (n % 3 === 1) return { kind: 'user', subject: `u${n % 4}`, belowVersion: n, ...rest }
    return { kind: 'user', subject: `u${n % 4}`, belowRolesVersion: n, before: 1000 + n, ...rest }
  }

  /** The instance that commits announces the entry. The other one hears of it, or not. */
  commit(xid: number, by: number, isHeard: boolean): void {
    const revocation = this.journal.commit(xid)
    this.instances[by]!.revocations.announce([revocation])
    if (isHeard) this.instances[1 - by]!.listener?.([revocation], 0, 0)
  }

  failover(lost: number): void {
    // The registration may be lost too.
    this.follower.registeredAfter = []
    this.journal = this.journal.failover(String(++this.#servers), lost)
  }

  async connect(at: number, isVerifier: boolean): Promise<void> {
    this.cut(Number.POSITIVE_INFINITY)
    this.follower.registeredAfter = []
    const { feed } = this.instances[at]!
    const admission = await feed.admit({
      client: { clientId: newId() },
      verifier: isVerifier ? { id: VERIFIER, name: 'shop' } : undefined,
      maxStalenessSeconds: 60,
      lastEventId: this.follower.lastEventId,
    })
    this.response = new Response()
    admission.follow(this.response)
  }

  /** Somebody else begins to read a snapshot, which the next follower may join. */
  async connectAnother(at: number): Promise<void> {
    const observer = { client: { clientId: newId() }, verifier: undefined, maxStalenessSeconds: 60 }
    const admission = await this.instances[at]!.feed.admit({ ...observer, lastEventId: undefined })
    this.#another?.destroy()
    this.#another = new Response()
    admission.follow(this.#another)
  }

  /** The connection breaks after some bytes that the follower has not read yet. */
  cut(bytes: number): void {
    this.read(bytes)
    this.response?.destroy()
    this.response = undefined
    this.follower.cut()
  }

  read(bytes: number): void {
    if (!this.response) return
    this.follower.read(this.response.text.slice(0, bytes))
    this.response.text = this.response.text.slice(bytes)
  }

  /** What the last position contains and the follower does not have. */
  missing(): Revocation[] {
    const position = this.follower.positions.at(-1)
    if (position === undefined) return []
    const rows = this.journal.committed.filter(row => sees(position, this.journal.serverStart, row))
    return rows.map(({ revocation }) => revocation).filter(revocation => !this.follower.list.covers(revocation))
  }

  async close(): Promise<void> {
    for (const { feed, revocations } of this.instances) {
      await feed.close()
      await revocations.close()
    }
  }
}
