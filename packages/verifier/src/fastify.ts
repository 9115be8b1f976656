// For the compiler only: the declarations at the end of this file add to those of Fastify.
import type {} from 'fastify'
import {
  createGuards,
  type GuardedReply,
  type GuardedRequest,
  type GuardHook,
  type GuardOptions,
  type Guards,
} from './adapters/fastify-guards.js'
import { recentAuthRequirement, roleRequirement } from './adapters/requirements.js'
import type { Principal, Verifier } from './types.js'

export type { AuthenticateOptions, Renew, Renewal } from './adapters/authenticate.js'
export { createGuards, type GuardedReply, type GuardedRequest, type GuardHook, type GuardOptions, type Guards }

export interface LatchkeyPluginOptions extends GuardOptions {
  readonly verifier: Verifier
}

// The hooks are imported, and not decorators such as `app.authenticate`: before a plugin is loaded, those are undefined,
// which Fastify takes for no hook at all.

/** Admits only requests with a valid access token, and sets `request.principal`. */
export const authenticate: GuardHook = ofPlugin(guards => guards.authenticate)

/** Admits requests without a token too: then `request.principal` is null. A refused token stays refused. */
export const authenticateOptional: GuardHook = ofPlugin(guards => guards.authenticateOptional)

/**
 * As `authenticate`, and the user must have one of these roles.
 *
 * @throws TypeError if a role is missing or is no text
 */
export function requireRole(role: string, ...others: readonly string[]): GuardHook {
  roleRequirement([role, ...others])
  return ofPlugin(guards => guards.requireRole(role, ...others))
}

/**
 * As `authenticate`, and the user must have signed in at most this many seconds ago (RFC 9470).
 *
 * @throws TypeError if the number is not whole and positive
 */
export function requireRecentAuth(maxAgeSeconds: number): GuardHook {
  recentAuthRequirement(maxAgeSeconds, () => 0)
  return ofPlugin(guards => guards.requireRecentAuth(maxAgeSeconds))
}

/** A hook of the plugin in the context of the route. Without a plugin it admits nobody: the request is answered with 500. */
function ofPlugin(choose: (guards: Guards) => GuardHook): GuardHook {
  const hooks = new WeakMap<Guards, GuardHook>()
  return (request, reply, done) => {
    const guards = (request.server as { [GUARDS]?: Guards })[GUARDS]
    if (!guards) return done(new Error(NOT_REGISTERED))
    const hook = hooks.get(guards) ?? choose(guards)
    hooks.set(guards, hook)
    hook(request, reply, done)
  }
}

const NOT_REGISTERED =
  '@latchkey/verifier/fastify is not registered in the context of this route or around it, so nobody is admitted: app.register(latchkey, { verifier })'

/** Where a context has the hooks of its plugin. The same in every copy of this package. */
const GUARDS: unique symbol = Symbol.for('@latchkey/verifier/fastify/guards') as never

/** The part of a Fastify instance that the plugin uses. */
export interface FastifyApplication {
  readonly version: string
  readonly prefix: string
}

/**
 * The plugin: `app.register(latchkey, { verifier })`. It adds `request.principal` to the context in which it is
 * registered and to those within, where `authenticate`, `requireRole('editor')` and `requireRecentAuth(300)` then work. It
 * refuses nothing by itself: name a hook in the routes, or add it to a context with `addHook`.
 *
 * The application closes the verifier itself, because several can share it.
 */
async function latchkey(app: FastifyApplication, pluginOptions: LatchkeyPluginOptions): Promise<void> {
  // Fastify passes its own options of `register` on.
  const { verifier, prefix, logLevel, logSerializers, ...options } = pluginOptions as LatchkeyPluginOptions &
    Record<'prefix' | 'logLevel' | 'logSerializers', unknown>
  const { decorate, decorateRequest, hasRequestDecorator } = app as unknown as Decorating
  const guards = createGuards(verifier, options)
  // Latchkey itself, if the application contains it, has declared it too.
  if (!hasRequestDecorator.call(app, 'principal')) decorateRequest.call(app, 'principal', null)
  decorate.call(app, GUARDS, guards)
}

interface Decorating {
  decorate(name: string | symbol, value: unknown): void
  decorateRequest(name: string, value: unknown): void
  hasRequestDecorator(name: string): boolean
}

// What the package fastify-plugin does: without a context of its own, the plugin decorates the one that registers it.
export default Object.assign(latchkey, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@latchkey/verifier',
  [Symbol.for('plugin-meta')]: { name: '@latchkey/verifier', fastify: '>=4' },
})

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the hooks; null on routes without one. */
    principal: Principal
  }
}
