import { hostname } from 'node:os'
import { LRUCache } from 'lru-cache'
import type { Config } from '../config/config.js'
import { createRegistrationHook } from '../domain/accounts/registration-hook.js'
import type { ClientPrincipal } from '../domain/clients/client-token.js'
import { findRefusedClients } from '../domain/clients/refused-clients.js'
import { ReportedSightings } from '../domain/clients/reported-sightings.js'
import type { AuthContext, EventThrottle } from '../domain/context.js'
import { createDispatcher } from '../domain/deliveries/dispatcher.js'
import { reencryptReceiverSecrets } from '../domain/deliveries/reencrypt-secrets.js'
import { createEventListeners } from '../domain/events/event-listeners.js'
import { unknownTypes } from '../domain/events/event-types.js'
import { type EventLog, logEvent } from '../domain/events/log-events.js'
import { ensureSigningKey, type KeyMaintenance, startKeyMaintenance } from '../domain/keys/key-maintenance.js'
import { Keyring } from '../domain/keys/keyring.js'
import { deriveSecrets } from '../domain/keys/secrets.js'
import { createLetterWork } from '../domain/letters/letter-work.js'
import { type ReadLetter, readLetter } from '../domain/letters/letters.js'
import { createFailureDelay } from '../domain/login/failure-delay.js'
import { cleanUp, deleteDueAccounts, repairRevocations } from '../domain/maintenance.js'
import { createPasswordHasher } from '../domain/passwords/password-hasher.js'
import { createPollWaiters } from '../domain/signals/poll-waiters.js'
import { createStreamSender } from '../domain/signals/stream-sender.js'
import { disableStream, disableUnusedStreams } from '../domain/signals/stream-status.js'
import { createAccessTokenVerifier } from '../domain/tokens/verify-access-token.js'
import { createWebhookSender } from '../domain/webhooks/webhook-sender.js'
import { disableWebhook } from '../domain/webhooks/webhooks.js'
import { IssuerKeys } from '../issuers/issuer-keys.js'
import { allowedAddresses } from '../lib/allowed-addresses.js'
import { createBackground } from '../lib/background.js'
import { newId } from '../lib/ids.js'
import type { Log } from '../lib/log.js'
import { type Repetition, repeat } from '../lib/periodic.js'
import { createPoster } from '../lib/post.js'
import type { TraceCall } from '../lib/trace-call.js'
import { disableMail, openMailSender } from '../mail/open-mail.js'
import type { Database } from '../postgres/database.js'
import { Activity } from '../redis/activity.js'
import { createLoginLimiter } from '../redis/counters.js'
import type { Ephemeral } from '../redis/ephemeral.js'
import { createLetterLimiter } from '../redis/letter-limiter.js'
import { Feed } from '../revocations/feed/feed.js'
import { LeasedRegistry } from '../revocations/feed/leased-registry.js'
import { Confirmations } from '../revocations/receipts/confirmations.js'
import { Receipts } from '../revocations/receipts/receipts.js'
import { Revocations } from '../revocations/revocations.js'
import { openLocationDatabase } from './geoip.js'

const CLEAN_UP_INTERVAL_MS = 60 * 60 * 1000
const DELETION_INTERVAL_MS = 10 * 60 * 1000

export interface OpenContextOptions {
  db: Database
  ephemeral: Ephemeral
  log: Log
  /** Receives every security event, if LOG_SECURITY_EVENTS is on. */
  eventLog?: EventLog
  /** Milliseconds since the epoch. */
  clock?: (() => number) | undefined
  /** Makes a span of each request to an issuer. */
  trace?: TraceCall | undefined
  /** Whether this process sends events to their receivers: yes by default. */
  delivers?: boolean
}

export interface OpenContext extends AuthContext {
  /** Stops the periodic work and writes to the stores what is only in memory. The stores stay open. */
  close(): Promise<void>
}

/**
 * Creates the context, the argument of the functions of src/domain: reads the journal and the signing keys, creates a
 * key if none exists, and starts the periodic work. When it resolves, tokens can be issued and verified safely.
 */
export async function openContext(config: Config, options: OpenContextOptions): Promise<OpenContext> {
  const { db, ephemeral, log, eventLog, clock = Date.now, trace, delivers = true } = options
  const locate = await openLocationDatabase(config.locationDatabase, log)
  const secrets = deriveSecrets(config)
  const keyOptions = { algorithm: config.algorithm, keyEncryptionKeys: secrets.keyEncryptionKeys }
  const keyring = new Keyring({ signingKeys: db.keyFeed, keyEncryptionKeys: secrets.keyEncryptionKeys })
  const background = createBackground(log)
  const letterWork = createLetterWork(log)
  const eventListeners = createEventListeners(log)
  // Later, and by itself: a log that throws must not change the answer to a request whose work is committed.
  if (config.logSecurityEvents && eventLog) eventListeners.add(event => logEvent(eventLog, event))
  const stopAnnouncing = db.onSecurityEvents(eventListeners.announce)
  const revocations = new Revocations({
    journal: db.journalFeed,
    channel: ephemeral,
    maxStalenessSeconds: config.revocationMaxStalenessSeconds,
    repair: async findLost => {
      const entries = await repairRevocations(db, findLost)
      // The failover lost the successor of a revoked key together with the revocation.
      if (entries.some(({ kind }) => kind === 'key'))
        background.run('create a signing key', () => ensureSigningKey(db, keyOptions))
      return entries
    },
    log,
    clock,
  })
  const registry = new LeasedRegistry({ store: db.verifiers, instance: `${hostname()}:${process.pid}`, log })
  revocations.onOtherServer(serverStart => void registry.serverReplaced(serverStart))
  const receipts = new Receipts({
    store: db.receipts,
    settledServer: () => {
      const { settledServer } = revocations
      return settledServer !== undefined && registry.isRegisteredOn(settledServer) ? settledServer : undefined
    },
    log,
  })
  const confirmations = new Confirmations(db.verifiers, () => receipts.verifierConfirmed())
  const feed = new Feed<ClientPrincipal>({
    revocations,
    registry,
    maxFollowers: config.feedMaxFollowers,
    findRefused: clients => findRefusedClients({ db, revocations }, clients, 'revocations'),
    clock,
    log,
  })
  registry.onAbandoned(connectionId => feed.disconnect(connectionId))
  revocations.onKeyRevoked(kid => {
    keyring.drop(kid)
    // The successor of the key was committed together with the revocation.
    background.run('read the signing keys', () => keyring.reload())
  })
  const activity = new Activity({ ephemeral, log, clock })
  const reportedSightings = new ReportedSightings({ activity, refreshTokens: db.refreshTokens, clock, log })
  const failureDelay = createFailureDelay({
    delayMs: config.signInFailureDelayMs,
    onTooShort: usedMs =>
      log.warn(
        `SIGN_IN_FAILURE_DELAY is too short for a password hash on this machine: failed sign-ins are answered after ${usedMs}ms`,
      ),
  })

  const unknown = unknownTypes(Object.keys(config.eventRetentionByType))
  if (unknown.length > 0)
    log.warn(
      `EVENT_RETENTION_BY_TYPE names ${unknown.join(', ')}: there is no such type of event, so it has no effect.`,
    )

  const closing = new AbortController()
  let maintenance: KeyMaintenance
  let cleaning: Repetition
  let deleting: Repetition
  try {
    await Promise.all([ensureSigningKey(db, keyOptions), reencryptReceiverSecrets(db, secrets)])
    await Promise.all([keyring.reload(), revocations.start()])
    maintenance = startKeyMaintenance({ ...keyOptions, ...config, keyring, database: db, log })
    cleaning = repeat({
      everyMs: CLEAN_UP_INTERVAL_MS,
      task: 'delete expired rows',
      work: () => cleanUp(db, { ...config, signal: closing.signal }),
      log,
    })
    deleting = repeat({
      everyMs: DELETION_INTERVAL_MS,
      task: 'delete the accounts whose deletion is due',
      work: () => deleteDueAccounts({ db, revocations }, { signal: closing.signal }),
      log,
    })
  } catch (error) {
    stopAnnouncing()
    await Promise.all([activity.close(), feed.close(), registry.close(), revocations.close()])
    throw error
  }

  const readLetterOf: ReadLetter = event => readLetter({ config, db, secrets, clock }, event)
  const poster = createPoster(allowedAddresses(config.deliveryAllowedNetworks))
  const pushing = { poster, secrets, config, keyring, clock }
  const dispatcher = delivers
    ? createDispatcher({
        db: db.deliveryFeed,
        senders: {
          webhook: createWebhookSender({ poster, secrets, clock, readLetter: readLetterOf }),
          stream: createStreamSender(pushing),
          mail: await openMailSender(config, { db, log, readLetter: readLetterOf }),
        },
        disable: (receiver, reason, signal) => {
          if (receiver.kind === 'stream') return disableStream({ ...pushing, db, log }, receiver, reason, signal)
          if (receiver.kind === 'mail') return disableMail({ db, log }, reason)
          return disableWebhook({ db, log }, receiver, reason)
        },
        holder: newId(),
        log,
      })
    : undefined
  const polls = createPollWaiters({ deliveries: db.deliveryFeed.deliveries, log })
  const stopWaking = db.onSecurityEvents(() => {
    dispatcher?.wake()
    polls.wake()
  })
  const retiring = repeat({
    everyMs: CLEAN_UP_INTERVAL_MS,
    task: 'disable unused streams',
    work: () => disableUnusedStreams({ ...pushing, db, log }),
    log,
  })

  const issuerKeys = new IssuerKeys({ cluster: config.kubernetes, log, trace })
  background.run('check the files of KUBERNETES_ISSUER', () => issuerKeys.checkFiles())

  return {
    config,
    db,
    activity,
    revocations,
    feed,
    receipts,
    confirmations,
    reportedSightings,
    secrets,
    keyring,
    issuerKeys,
    accessTokens: createAccessTokenVerifier({ ...config, keyring, revocations, clock }),
    clock,
    log,
    poster,
    registrationHook: createRegistrationHook({ settings: config.registrationHook, poster, clock, log }),
    dispatcher,
    polls,
    passwords: createPasswordHasher({
      ...config.hash,
      onDamagedHash: error => log.error(`a stored password hash is damaged: ${error.message}`),
      onVerified: failureDelay.observe,
    }),
    failureDelay,
    loginLimiter: createLoginLimiter({
      enabled: config.rateLimit.enabled,
      maxPerMinute: config.rateLimit.failuresPerAccountPerMinute,
      ephemeral,
    }),
    letterLimiter: createLetterLimiter({
      enabled: config.rateLimit.enabled,
      maxPerHour: config.rateLimit.lettersPerAddressPerHour,
      ephemeral,
    }),
    letterWork,
    locate,
    recordEvent: event => background.run(`write the event ${event.type}`, () => db.securityEvents.add(event)),
    eventListeners,
    eventThrottle: createEventThrottle(),
    background,
    async close() {
      closing.abort()
      stopWaking()
      polls.close()
      await Promise.all([
        dispatcher?.close(),
        maintenance.stop(),
        cleaning.stop(),
        deleting.stop(),
        receipts.close(),
        feed.close(),
      ])
      await retiring.stop()
      await Promise.all([registry.close(), reportedSightings.settled()])
      await Promise.all([activity.close(), revocations.close(), background.settled(), letterWork.settled()])
      stopAnnouncing()
      await eventListeners.close()
      poster.close()
    },
  }
}

const EVENT_WINDOW_MS = 10 * 60 * 1000
const MAX_EVENT_KEYS = 10_000

/**
 * Limits events that anyone can cause repeatedly with one old token: each instance records one in ten minutes, not three
 * hundred a minute.
 */
function createEventThrottle(): EventThrottle {
  const recent = new LRUCache<string, true>({ max: MAX_EVENT_KEYS, ttl: EVENT_WINDOW_MS })
  return {
    allows(key) {
      if (recent.has(key)) return false
      recent.set(key, true)
      return true
    },
  }
}
