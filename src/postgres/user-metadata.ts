import { eq } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { userMetadata } from './schema/accounts.js'

/** What an application notes about accounts. Code that changes it locks the user first. */
export function userMetadataRepository(runner: Runner) {
  return {
    /** Null if there is none. */
    async of(userId: string): Promise<Record<string, unknown> | null> {
      const [row] = await runner.run(executor =>
        executor.select({ metadata: userMetadata.metadata }).from(userMetadata).where(eq(userMetadata.userId, userId)),
      )
      return row?.metadata ?? null
    },

    /** @param metadata null for none */
    async set(userId: string, metadata: Record<string, unknown> | null): Promise<void> {
      await runner.run(executor =>
        metadata === null
          ? executor.delete(userMetadata).where(eq(userMetadata.userId, userId))
          : executor
              .insert(userMetadata)
              .values({ userId, metadata })
              .onConflictDoUpdate({ target: userMetadata.userId, set: { metadata } }),
      )
    },
  }
}
