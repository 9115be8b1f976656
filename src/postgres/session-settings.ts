/**
 * What every connection of ours sets for itself, whatever the database or the role has as its default: all that changes
 * the form of a value, what a statement means, whether a commit is kept, or how long anything may take.
 *
 * What only makes a statement faster or slower is left to the operator, except for the JIT, which compiles statements
 * that take a millisecond. So is `search_path`, which says where the tables are, and `default_transaction_read_only`,
 * with which operators and hosting services close a database to writes.
 *
 * @param timeoutMs how long a statement may take, and a transaction may wait for its next one; 0 is without limit
 */
export function sessionSettings(timeoutMs: number): Readonly<Record<string, string>> {
  return {
    DateStyle: 'ISO, MDY',
    IntervalStyle: 'postgres',
    TimeZone: 'UTC',
    extra_float_digits: '1',
    bytea_output: 'hex',
    array_nulls: 'on',
    standard_conforming_strings: 'on',
    transform_null_equals: 'off',
    default_transaction_isolation: 'read committed',
    default_transaction_deferrable: 'off',
    // Who is told that a session has ended may rely on it, even if the server is cut off from power a moment later.
    synchronous_commit: 'on',
    jit: 'off',
    plan_cache_mode: 'auto',
    statement_timeout: String(timeoutMs),
    idle_in_transaction_session_timeout: String(timeoutMs),
    // A lock is waited for as long as its statement may take.
    lock_timeout: '0',
    idle_session_timeout: '0',
  }
}

/** The same for the transaction under way, as statements of the simple protocol. */
export function setLocally(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `set local ${name} = '${value}'`)
    .join('; ')
}
