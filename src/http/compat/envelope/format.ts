import type { FastifyInstance, FastifySchema } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import type { Grant } from '../../../domain/tokens/grant-tokens.js'
import { spellFields } from './answers.js'
import { envelopeSchemas } from './schemas.js'

export type Format = ReturnType<typeof formatOf>

/** What the routes of the envelope have in common. */
export function formatOf(app: FastifyInstance, { config }: AuthContext) {
  const { spelling } = config.envelope
  return {
    spelling,
    schemas: envelopeSchemas(spelling),
    describe: <S extends FastifySchema>(operationId: string, action: string, schema: S) => ({
      operationId,
      summary: `${action}, in the format of older systems`,
      description: 'As at `/auth`, with the answer in an envelope.',
      tags: ['Older APIs'],
      documented: { commonErrors: false } as const,
      ...schema,
    }),
    // Counted together with our own routes, so that these paths give no additional attempts to guess passwords or tokens.
    limitCountedAs: (countsAs: string) => ({ ...app.limits.perAddress, countsAs }),
    tokensOf: (grant: Grant) =>
      spellFields(
        {
          access_token: grant.accessToken,
          refresh_token: grant.refreshToken,
          expires_in: grant.accessExpiresInSeconds,
          token_type: 'Bearer',
        },
        spelling,
      ),
  }
}
