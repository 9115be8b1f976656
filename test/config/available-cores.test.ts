import t from 'tap'
import { availableCores } from '../../src/config/derived-values.js'

t.test('the available cores are the CPU quota of the container, rounded down', async t => {
  const cores = (files: Record<string, string>, machineCores: number) =>
    availableCores(path => {
      const content = files[path]
      if (content === undefined) throw new Error('ENOENT')
      return content
    }, machineCores)
  const v2 = (content: string) => ({ '/sys/fs/cgroup/cpu.max': content })
  const v1 = (quota: string) => ({
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': quota,
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  })
  t.equal(cores({}, 8), 8, 'no quota')
  t.equal(cores(v2('max 100000\n'), 8), 8, 'cgroup 2 without a quota')
  t.equal(cores(v2('200000 100000\n'), 8), 2)
  t.equal(cores(v2('350000 100000\n'), 8), 3, 'rounded down')
  t.equal(cores(v2('50000 100000\n'), 8), 1, 'at least one')
  t.equal(cores(v2('1600000 100000\n'), 8), 8, 'no more than the machine has')
  t.equal(cores(v1('200000\n'), 8), 2, 'cgroup 1')
  t.equal(cores(v1('-1\n'), 8), 8, 'cgroup 1 without a quota')
  t.equal(cores(v2('nonsense'), 4), 4)
  t.ok(Number.isInteger(availableCores()), 'on this machine')
})
