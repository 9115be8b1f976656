import type { RevokingRepositories } from '../../src/postgres/database.js'
import type { NewSession } from '../../src/postgres/open-session.js'

type Calls<Repository> = { [Method in keyof Repository]: () => Promise<unknown> }

export const NAMES = {
  user: '00000000-0000-7000-8000-0000000000ff',
  session: '00000000-0000-7000-9000-0000000000fe',
  client: '11111111-1111-7111-8111-111111111111',
}

/**
 * A call of every method of every repository, and of each form of a method that sends another statement. The type
 * requires all methods, so a new statement does not compile without its call here.
 */
export function everyStatement(db: RevokingRepositories): {
  [Name in keyof RevokingRepositories]: Calls<RevokingRepositories[Name]>
} {
  const { user, session, client } = NAMES
  const hash = Buffer.alloc(32, 1)
  const many = Array.from(
    { length: 500 },
    (_, n) => `00000000-0000-7000-8000-${(n + 5000).toString(16).padStart(12, '0')}`,
  )
  const token = { jti: session, kid: 'kid', tokenVersion: 0 }
  const oneTime = { userId: user, purpose: 'not_me' as const, tokenHash: hash }
  const connection = { verifierId: user, connectionId: session }
  const key = { kid: 'kid', alg: 'ES256' as const, publicJwk: {}, sealedPrivateKey: hash }
  const account = { id: user, email: 'ada@example.com', username: 'ada', externalId: '7', passwordHash: 'hash' }
  const imported = {
    ...account,
    earlierEmails: [],
    roles: [],
    claims: { tenant: 'acme' },
    metadata: { note: 'a' },
    mustChangePassword: false,
    disabled: false,
    createdAt: null,
    updatedAt: null,
  }
  const notice = { id: session, type: 'letter_new_device', tokenHash: hash, ttlSeconds: 1000, language: 'en' } as const
  const newSession: NewSession = {
    sessionId: session,
    userId: user,
    fence: { tokenVersion: 0, passwordHash: 'hash' },
    clientId: 'latchkey',
    transport: 'cookie',
    remember: true,
    authMethods: ['pwd'],
    device: { browser: 'Firefox', os: 'Linux', kind: 'desktop' },
    userAgent: 'Firefox',
    ip: '203.0.113.7',
    location: { country: 'ID' },
    maxAgeSeconds: 1000,
    refreshTtlSeconds: 1000,
    tokenHash: hash,
    nextHash: hash,
    event: { type: 'signed_in', actor: 'user', tellsNewDevice: true, requestId: undefined, notice },
    room: 100,
  }
  const rotation = { sessionId: session, generation: 0, presentedHash: hash, successorHash: hash, nextHash: hash }
  return {
    realm: {
      now: () => db.realm.now(),
      endEverything: () => db.realm.endEverything(1),
      raiseNotBefore: () => db.realm.raiseNotBefore(1),
    },
    clients: {
      insert: () => db.clients.insert({ id: client, name: 'client', secretHash: hash, scopes: [] }),
      all: () => db.clients.all(),
      find: () => db.clients.find(client),
      scopesOfToken: () => db.clients.scopesOfToken({ ...token, clientId: client, issuedAt: 1 }),
      holdToken: () => db.clients.holdToken({ ...token, clientId: client, issuedAt: 1 }),
      tokenVersionsOf: () => db.clients.tokenVersionsOf([client], 'revocations'),
      changeCredentials: () => db.clients.changeCredentials(client, { hasSecret: true }),
      replaceSecret: () => db.clients.replaceSecret('client', hash),
      remove: () => db.clients.remove('nobody'),
    },
    users: {
      insert: () => db.users.insert(account),
      findById: () => db.users.findById(user),
      findByEmail: () => db.users.findByEmail('ada@example.com'),
      findByUsername: () => db.users.findByUsername('ada'),
      upgradePasswordHash: () => db.users.upgradePasswordHash(user, 'hash', 'hash'),
      reserveAttempt: () => db.users.reserveAttempt(user, 100),
      forgetAttempts: () => db.users.forgetAttempts(user),
      changePassword: () => db.users.changePassword(user, { tokenVersion: 0, passwordHash: 'no hash' }, 'hash'),
      resetPassword: () => db.users.resetPassword(user, 'hash'),
      raiseTokenVersion: () => db.users.raiseTokenVersion(user),
      raiseTokenVersionTo: () => db.users.raiseTokenVersionTo(user, 0),
      setClaims: () => db.users.setClaims(user, { tenant: 'acme' }),
      setRoles: () => db.users.setRoles(user, ['support']),
      raiseRolesVersionTo: () => db.users.raiseRolesVersionTo(user, 0),
      setTemporaryPassword: () => db.users.setTemporaryPassword(user, 'hash'),
      raiseTokenVersionsOfRole: () =>
        db.users.raiseTokenVersionsOfRole('support', '00000000-0000-0000-0000-000000000000', 500),
      remove: () => db.users.remove(client),
      disable: () => db.users.disable(client),
      enable: () => db.users.enable(user),
      rename: () =>
        db.users.rename({ id: user, email: 'ada@example.com', username: 'ada', earlierEmails: ['ada@x.example'] }),
      holdToRole: () => db.users.holdToRole(user, 'admin', 0),
      lock: () => db.users.lock(user),
      verifyEmail: () => db.users.verifyEmail(user, 'ada@example.com'),
      requestDeletion: () => db.users.requestDeletion(user, 1000),
      cancelDeletion: async () => {
        await db.users.cancelDeletion(user)
        await db.users.cancelDeletion(user, null)
        await db.users.cancelDeletion(user, { tokenVersion: 0, passwordHash: 'hash' })
      },
      takeDue: () => db.users.takeDue(20),
    },
    userMetadata: {
      of: () => db.userMetadata.of(user),
      set: async () => {
        await db.userMetadata.set(user, { note: 'a' })
        await db.userMetadata.set(user, null)
      },
    },
    passwordResets: {
      issue: () => db.passwordResets.issue({ userId: user, tokenHash: hash, ttlSeconds: 1000 }),
      findUser: () => db.passwordResets.findUser(user, hash),
      take: () => db.passwordResets.take(user, hash),
      removeOf: () => db.passwordResets.removeOf(user),
      removeExpired: () => db.passwordResets.removeExpired(1000),
    },
    userImport: {
      add: () => db.userImport.add([imported]),
      findTaken: () => db.userImport.findTaken([imported]),
    },
    usedAssertions: {
      use: () =>
        db.usedAssertions.use({
          clientId: client,
          idHash: hash,
          contentHash: hash,
          expiresAt: 4_000_000_000,
          isReusable: true,
        }),
      removeExpired: () => db.usedAssertions.removeExpired(1000),
    },
    deviceFailures: {
      reserveAttempt: () =>
        db.deviceFailures.reserveAttempt({ id: session, userId: user, limit: 5, maxAgeSeconds: 1000 }),
      forget: () => db.deviceFailures.forget(session),
      forgetThoseOf: () => db.deviceFailures.forgetThoseOf(user),
      removeExpired: () => db.deviceFailures.removeExpired(1000),
    },
    userPages: {
      withUncommonDomains: () => db.userPages.withUncommonDomains('00000000-0000-0000-0000-000000000000', 500),
      find: async () => {
        await db.userPages.find({ limit: 50 })
        await db.userPages.find({ after: user, limit: 50 })
        await db.userPages.find({ state: { role: 'admin', disabled: true, failedLogins: 100 }, after: user, limit: 50 })
        for (const field of ['email', 'username', 'externalId'] as const) {
          await db.userPages.find({ equal: { field, texts: ['ada'] }, limit: 50 })
          await db.userPages.find({ beginning: { field, text: 'ada' }, limit: 50 })
          await db.userPages.find({ beginning: { field, text: 'ada' }, after: 'adb', limit: 50 })
        }
      },
    },
    userActivity: {
      of: async () => {
        await db.userActivity.of([user])
        await db.userActivity.of(many.slice(0, 100))
      },
    },
    sessions: {
      open: async () => {
        await db.sessions.open(newSession)
        const { fence: _, ...ofClient } = { ...newSession, sessionId: client, clientId: client }
        await db.sessions.open({
          ...ofClient,
          fence: null,
          room: null,
          location: undefined,
          ip: undefined,
          userAgent: undefined,
        })
      },
      liveOf: () => db.sessions.liveOf(user),
      updateOrigin: async () => {
        const browser = { userAgent: 'Firefox 2', device: newSession.device }
        const address = { ip: '203.0.113.8', location: null }
        await db.sessions.updateOrigin(session, { browser, address })
        await db.sessions.updateOrigin(session, { browser })
        await db.sessions.updateOrigin(session, { address })
      },
      label: () => db.sessions.label(session, user, 'laptop'),
      revoke: () => db.sessions.revoke([session], user, 'test'),
      revokeAny: () => db.sessions.revokeAny(many, 'test'),
      revokeOthers: () => db.sessions.revokeOthers(user, session, 'test'),
      revokeAllOf: async () => {
        await db.sessions.revokeAllOf([user], 'test')
        await db.sessions.revokeAllOf(many, 'test')
      },
      revokeSomeOfClient: async () => {
        await db.sessions.revokeSomeOfClient(client, '00000000-0000-0000-0000-000000000000', 500, 'test')
        await db.sessions.revokeSomeOfClient('latchkey', '00000000-0000-0000-0000-000000000000', 500, 'test')
      },
      isRemembered: () => db.sessions.isRemembered(session),
      countLive: () => db.sessions.countLive(user),
      revokeBeyond: () => db.sessions.revokeBeyond(user, 100, 'test'),
    },
    sessionDetails: {
      find: () => db.sessionDetails.find(session),
    },
    expiredSessions: {
      removeOlderThan: () => db.expiredSessions.removeOlderThan(1000, 1000),
      of: () => db.expiredSessions.of(user, 1000),
    },
    refreshTokens: {
      // Two together, and then each alone.
      rotate: () =>
        Promise.all(
          [session, user].map(sessionId =>
            db.refreshTokens.rotate({
              ...rotation,
              sessionId,
              mark: null,
              anySuccessor: false,
              clientIds: ['latchkey'],
              minAgeSeconds: 30,
              ttlSeconds: 1000,
            }),
          ),
        ),
      find: () => db.refreshTokens.find(session),
      findReached: () => db.refreshTokens.findReached([{ sessionId: session, generation: 0 }]),
      restart: () =>
        db.refreshTokens.restart({ sessionId: session, generation: 0, previousHash: hash, leewaySeconds: 10 }),
      countLate: () => db.refreshTokens.countLate({ sessionId: session, generation: 0, previousHash: hash, max: 3 }),
      tellSuperseded: () => db.refreshTokens.tellSuperseded({ sessionId: session, generation: 0 }),
      remove: () => db.refreshTokens.remove([session]),
    },
    journal: {
      append: () => db.journal.append([{ kind: 'session', subject: session, reason: 'test' }]),
      readAll: () => db.journal.readAll(),
      readSince: () => db.journal.readSince('1'),
      lockForRepair: () => db.journal.lockForRepair(),
      removeExpired: () => db.journal.removeExpired(1000),
    },
    signingKeys: {
      lock: () => db.signingKeys.lock(),
      all: () => db.signingKeys.all(),
      usable: () => db.signingKeys.usable(),
      madeWithin: () => db.signingKeys.madeWithin(1000),
      insert: () => db.signingKeys.insert(key, 10),
      retireAllBut: () => db.signingKeys.retireAllBut('kid', 1000),
      revoke: () => db.signingKeys.revoke('kid'),
      removeRetired: () => db.signingKeys.removeRetired(1000, 1000),
      reseal: () => db.signingKeys.reseal('kid', hash, hash),
    },
    securityEvents: {
      add: () => db.securityEvents.add({ type: 'signed_in', userId: user, actor: 'user' }),
      addAll: () => db.securityEvents.addAll([{ type: 'signed_in', userId: user, actor: 'user', ip: '203.0.113.7' }]),
      removeOlderThan: () => db.securityEvents.removeOlderThan(1000, 1000),
      of: async () => {
        await db.securityEvents.of(user, { limit: 50 })
        await db.securityEvents.of(user, { limit: 50, before: session, except: ['metadata_changed'] })
      },
    },
    latestEvents: {
      latest: async () => {
        await db.latestEvents.latest({}, 50)
        const filter = { userId: user, types: ['signed_in' as const], since: new Date(0), until: new Date() }
        await db.latestEvents.latest(filter, 50, { exactAt: '2026-01-01T00:00:00Z', id: session })
        await db.latestEvents.latest({ types: ['user_deleted', 'roles_changed'] }, 50)
        await db.latestEvents.latest({ actor: client }, 50)
        await db.latestEvents.latest({ actor: 'user' }, 50)
      },
      following: async () => {
        await db.latestEvents.following({ since: new Date(0) }, 50)
        const after = { exactAt: '2026-01-01T00:00:00Z', id: session }
        await db.latestEvents.following({ userId: user, types: ['signed_in'] }, 50, after)
      },
      now: () => db.latestEvents.now(),
    },
    verifiers: {
      register: () =>
        db.verifiers.register(
          [{ ...connection, clientId: client, name: 'shop', instance: 'a', maxStalenessSeconds: 60, ageSeconds: 5 }],
          60,
        ),
      renew: () => db.verifiers.renew([connection], 60),
      release: () => db.verifiers.release([{ connectionId: connection.connectionId, hasNoList: false }], 2),
      confirm: () =>
        db.verifiers.confirm([
          { verifierId: user, clientId: client, serverStart: '1', snapshot: '3:3:', isClosing: false },
        ]),
      removeExpired: () => db.verifiers.removeExpired(1000),
    },
    receipts: {
      readTargets: () => db.receipts.readTargets(['3:3:']),
      findLagging: () => db.receipts.findLagging('3:3:', 50),
      list: () => db.receipts.list(1000),
      summary: () => db.receipts.summary(),
    },
    introspection: {
      userOf: () => db.introspection.userOf({ ...token, userId: user, sessionId: session }),
    },
    oneTimeTokens: {
      issue: () => db.oneTimeTokens.issue({ ...oneTime, email: 'ada@example.com', ttlSeconds: 60 }),
      canReturn: () => db.oneTimeTokens.canReturn('ada@example.com'),
      find: () => db.oneTimeTokens.find(oneTime),
      take: () => db.oneTimeTokens.take(oneTime),
      removeOf: () => db.oneTimeTokens.removeOf(user, ['not_me', 'verify_email'], new Date()),
      removeExpired: () => db.oneTimeTokens.removeExpired(1000),
    },
    registrations: {
      add: () =>
        db.registrations.add({
          ...{ userId: session, email: 'new@example.com', passwordHash: 'hash', tokenHash: hash, claims: null },
          ttlSeconds: 60,
        }),
      find: () => db.registrations.find(session, hash),
      take: () => db.registrations.take(session, hash),
      removeExpired: () => db.registrations.removeExpired(1000),
    },
    eventReceivers: {
      isNamed: () => db.eventReceivers.isNamed('signed_in'),
      lastErrors: () => db.eventReceivers.lastErrors([session]),
      create: () =>
        db.eventReceivers.create({ id: session, kind: 'webhook', settings: {}, secrets: hash, types: ['signed_in'] }),
      ensure: () =>
        db.eventReceivers.ensure({ id: session, kind: 'mail', settings: {}, secrets: hash, types: ['signed_in'] }),
      all: () => db.eventReceivers.all('webhook'),
      lockOfClient: () => db.eventReceivers.lockOfClient(client),
      ofClient: () => db.eventReceivers.ofClient(client),
      lock: () => db.eventReceivers.lock(session),
      unused: () => db.eventReceivers.unused('stream', 1000),
      find: () => db.eventReceivers.find(session),
      change: () => db.eventReceivers.change(session, { settings: {}, secrets: hash, types: null, isHeld: true }),
      allSecrets: () => db.eventReceivers.allSecrets(),
      replaceSecrets: () => db.eventReceivers.replaceSecrets(session, hash, hash),
      disable: () => db.eventReceivers.disable(session, 'gone'),
      enable: () => db.eventReceivers.enable(session),
      remove: () => db.eventReceivers.remove(session),
      removeOfClient: () => db.eventReceivers.removeOfClient(client),
      claim: () => db.eventReceivers.claim(user, 30),
      renew: () => db.eventReceivers.renew(session, user, 30),
      release: () => db.eventReceivers.release(session, user),
      succeeded: () => db.eventReceivers.succeeded(session, 5),
      failed: () => db.eventReceivers.failed({ id: session, settings: {} }),
      pause: () => db.eventReceivers.pause(session, 30),
    },
    deliveries: {
      due: () => db.deliveries.due(session, 200),
      waitForEarlier: () => db.deliveries.waitForEarlier(session),
      nextInLane: () => db.deliveries.nextInLane(session, user),
      complete: () => db.deliveries.complete(['1', '2']),
      completeRetried: () => db.deliveries.completeRetried('1'),
      postpone: () => db.deliveries.postpone('1', 5, 'no answer'),
      abandon: () => db.deliveries.abandon('1', 'no answer'),
      addMessage: () => db.deliveries.addMessage(session, user, { type: 'verification' }),
      waiting: () => db.deliveries.waiting(session, 101),
      ofEvents: () => db.deliveries.ofEvents(session, many.slice(0, 100)),
      acknowledge: () => db.deliveries.acknowledge('1', ['a.b']),
      receiversWithWaiting: () => db.deliveries.receiversWithWaiting([session]),
      backlogs: () => db.deliveries.backlogs([session]),
      abandoned: () => db.deliveries.abandoned(session, 100, undefined),
      measure: () => db.deliveries.measure(),
      hasten: () => db.deliveries.hasten(session),
      retryAbandoned: () => db.deliveries.retryAbandoned(session, 1000),
      replay: () =>
        db.deliveries.replay({ receiverId: session, types: null, from: { since: new Date() }, limit: 1000 }),
      removeOf: () => db.deliveries.removeOf(session, 1000),
      removeOlderThan: () => db.deliveries.removeOlderThan(1000, 1000),
    },
    cleanUpLock: {
      take: () => db.cleanUpLock.take(),
    },
  }
}
