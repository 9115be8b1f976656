import { customType, timestamp } from 'drizzle-orm/pg-core'

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })
export const xid8 = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' })
/** In the text form of `pg_snapshot`: `xmin:xmax:xip_list`. */
export const pgSnapshot = customType<{ data: string; driverData: string }>({ dataType: () => 'pg_snapshot' })

/** The type of every instant. Instants are compared with the clock of the database, never with that of this process. */
export const instant = () => timestamp({ withTimezone: true, mode: 'date' })
