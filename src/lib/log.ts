/** As much of a logger as code outside of requests needs. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}
