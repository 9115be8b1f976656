import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * The number of cores this process can use, at least 1: those of the machine, or fewer if a container has a quota. Node
 * does not read quotas, and one hash per core of a 64-core machine would overload a container with two cores.
 *
 * @param read reads a file; throws if it does not exist
 * @param machineCores the number of cores of the machine
 */
export function availableCores(
  read: (path: string) => string = path => readFileSync(path, 'utf8'),
  machineCores: number = availableParallelism(),
): number {
  const quota = cgroup2Cores(read) ?? cgroup1Cores(read) ?? machineCores
  return Math.max(1, Math.min(machineCores, Math.floor(quota)))
}

/** `cpu.max` contains quota and period in microseconds, or `max` as the quota if there is none. */
function cgroup2Cores(read: (path: string) => string): number | undefined {
  const [quota, period] = (readIfPresent(read, '/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ')
  return coresOf(quota, period)
}

/** A quota of -1 means none. */
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
