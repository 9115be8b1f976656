import type { EventsAsked } from '../../domain/events.js'
import { idSchema, type Static, Type } from '../plugins/schemas.js'

/** The query of a page of events. Query values are strings. */
export const eventsQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: '^([1-9][0-9]?|100)$', description: 'Events on a page: 1 to 100, by default 20.' }),
    ),
    before: Type.Optional(Type.String({ ...idSchema, description: 'The `next` of the page before.' })),
  },
  { additionalProperties: false },
)

export function eventsAsked({ limit, before }: Static<typeof eventsQuery>): EventsAsked {
  return { limit: limit === undefined ? 20 : Number(limit), before }
}
