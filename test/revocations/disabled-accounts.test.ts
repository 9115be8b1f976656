import { RevocationList } from '@latchkey/verifier/core'
import t from 'tap'

const revoke = (belowVersion: number, reason: string) =>
  ({ kind: 'user', subject: 'ada', belowVersion, reason, expiresAt: 1_000 }) as const

t.test('the revocation list knows for which tokens the account is disabled or deleted', async t => {
  const list = new RevocationList()
  const endOf = (tokenVersion: number) => list.accountEndOf({ userId: 'ada', tokenVersion })
  list.add(revoke(1, 'password_changed'))
  t.equal(endOf(0), undefined)
  list.add(revoke(2, 'user_disabled'))
  t.equal(endOf(1), 'disabled')
  t.equal(endOf(2), undefined, 'not for tokens that are still valid')
  list.add(revoke(1, 'password_changed'))
  list.add(revoke(2, 'recovered'))
  t.equal(endOf(1), 'disabled', 'entries can arrive twice and in any order')
  list.add(revoke(3, 'logout_all'))
  t.equal(endOf(1), undefined, 'the account was enabled again, and the last revocation has another reason')
  list.add(revoke(4, 'user_deleted'))
  list.add({ kind: 'user', subject: 'ada', belowRolesVersion: 9, before: 0, reason: 'roles_changed', expiresAt: 1_000 })
  t.equal(endOf(0), 'deleted')
  t.equal(list.accountEndOf({ userId: 'eve', tokenVersion: 0 }), undefined)
  list.sweep(1_000)
  t.equal(endOf(0), undefined)
})
