import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * How many cores this process may use, at least 1: those of the machine, or fewer where a container's quota says so.
 * Node itself does not look at quotas, and a hash a core on a 64-core machine would starve a container of two.
 *
 * @param read how to read a file; throws if it is absent
 * @param machineCores the cores that the machine offers
 */
export function availableCores(
  read: (path: string) => string = path => readFileSync(path, 'utf8'),
  machineCores: number = availableParallelism(),
): number {
  const quota = cgroup2Cores(read) ?? cgroup1Cores(read) ?? machineCores
  return Math.max(1, Math.min(machineCores, Math.floor(quota)))
}

/** `cpu.max` holds quota and period in microseconds, or `max` for no quota. */
function cgroup2Cores(read: (path: string) => string): number | undefined {
  const [quota, period] = (readIfPresent(read, '/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ')
  return coresOf(quota, period)
}

/** A quota of -1 is none. */
function cgroup1Cores(read: (path: string) => string): number | undefined {
  const quota = readIfPresent(read, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us')?.trim()
  const period = readIfPresent(read, '/sys/fs/cgroup/cpu/cpu.cfs_period_us')?.trim()
  return coresOf(quota, period)
}

function coresOf(quota: string | undefined, period: string | undefined): number | undefined {
  const cores = Number(quota) / Number(period)
  return Number.isFinite(cores) && cores > 0 ? cores : undefined
}

function readIfPresent(read: (path: string) => string, path: string): string | undefined {
  try {
    return read(path)
  } catch {
    return undefined
  }
}
