/**
 * How long to wait before the next attempt: twice as long after each failure, up to a limit, and a random part of it,
 * so that many processes do not come back at the same moment.
 *
 * @param failures the number of attempts that failed, at least 1
 */
export function backOffMs(failures: number, { firstMs = 500, mostMs = 10_000 } = {}): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 20)) * (0.5 + 0.5 * Math.random())
}
