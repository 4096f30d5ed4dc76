import { describe, expect, it, vi } from 'vitest'
import { memoryPorts } from '../../platform/testing/memory-ports.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { formatApiKey, newApiKey } from '../../tasks/api-key.ts'
import { createPlans, freePlan } from '../../tasks/plans.ts'

function openAccounts() {
  const { table, clock } = memoryPorts()
  return { table, clock, accounts: createAccounts(table, clock) }
}

async function withAda() {
  const opened = openAccounts()
  await createPlans(opened.table).setPlan('large', freePlan)
  await opened.accounts.createUser('ada')
  return opened
}

describe('users', () => {
  it('are made, found and listed by name, page by page', async () => {
    const { accounts, table } = openAccounts()
    await createPlans(table).setPlan('large', freePlan)
    const made = await accounts.createUser('cleo', { plan: 'large' })
    expect(made).toEqual({
      name: 'cleo',
      plan: 'large',
      createdAt: '2026-01-01T00:00:00.000Z',
      disabledAt: null,
    })
    for (const name of ['bob', 'ada']) await accounts.createUser(name)
    expect(await accounts.user('cleo')).toEqual(made)
    expect((await accounts.user('ada')).plan).toBe('default')
    const first = await accounts.users({ limit: 2 })
    const second = await accounts.users({ limit: 2, cursor: first.cursor })
    expect([...first.users, ...second.users].map(({ name }) => name)).toEqual([
      'ada',
      'bob',
      'cleo',
    ])
    expect(second.cursor).toBeUndefined()
  })

  it('are made once, whoever comes second', async () => {
    const { accounts } = openAccounts()
    const made = await Promise.allSettled([accounts.createUser('ada'), accounts.createUser('ada')])
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(accounts.createUser('ada')).rejects.toMatchObject({ name: 'UserExists' })
  })

  it.each(['', '../ada', '__proto__', 'a b', 'a'.repeat(65), 'a#b'])(
    'are not named %j, and no plan is',
    async (name) => {
      const { accounts } = openAccounts()
      await expect(accounts.createUser(name)).rejects.toMatchObject({ name: 'NameInvalid' })
      await expect(accounts.createUser('ada', { plan: name })).rejects.toMatchObject({
        name: 'NameInvalid',
      })
      expect((await accounts.users()).users).toEqual([])
    },
  )

  it('get another plan', async () => {
    const { accounts } = await withAda()
    expect(await accounts.setPlan('ada', 'large')).toMatchObject({ name: 'ada', plan: 'large' })
    expect((await accounts.user('ada')).plan).toBe('large')
    await expect(accounts.setPlan('bob', 'large')).rejects.toMatchObject({ name: 'UserNotFound' })
  })

  it('have no plan that is not there', async () => {
    const { accounts } = await withAda()
    await expect(accounts.setPlan('ada', 'none')).rejects.toMatchObject({ name: 'PlanNotFound' })
    await expect(accounts.createUser('bob', { plan: 'none' })).rejects.toMatchObject({
      name: 'PlanNotFound',
    })
    expect(await accounts.users()).toMatchObject({ users: [{ name: 'ada', plan: 'default' }] })
  })

  it('stay on record when they are removed, and their names stay taken', async () => {
    const { accounts, clock } = await withAda()
    const { disabledAt } = await accounts.removeUser('ada')
    clock.advance(1000)
    expect(await accounts.removeUser('ada')).toMatchObject({ disabledAt })
    expect(await accounts.user('ada')).toMatchObject({ disabledAt })
    await expect(accounts.createUser('ada')).rejects.toMatchObject({ name: 'UserExists' })
    for (const change of [
      accounts.setPlan('ada', 'large'),
      accounts.createKey('ada', { role: 'owner' }),
      accounts.removeUser('bob'),
      accounts.user('bob'),
      accounts.keys('bob'),
      accounts.createKey('bob', { role: 'owner' }),
    ]) {
      await expect(change).rejects.toMatchObject({ name: 'UserNotFound' })
    }
  })
})

describe('keys', () => {
  it('stand for their user and role', async () => {
    const { accounts } = await withAda()
    const { key, id, ...rest } = await accounts.createKey('ada', { role: 'trainer', label: 'ci' })
    expect(key).toMatch(/^mr_[0-9a-f]{16}_[\w-]{43}$/)
    expect(rest).toEqual({
      user: 'ada',
      role: 'trainer',
      label: 'ci',
      createdAt: '2026-01-01T00:00:00.000Z',
      ending: key.slice(-4),
      revokedAt: null,
    })
    expect(await accounts.verify(key)).toEqual({ user: 'ada', role: 'trainer', keyId: id })
  })

  it('are told once: what is kept has no more of one than its last four characters', async () => {
    const { accounts, table } = await withAda()
    const { key, id } = await accounts.createKey('ada', { role: 'owner' })
    const secret = key.split('_').slice(2).join('_')
    const kept = JSON.stringify([
      await accounts.keys('ada'),
      await table.get(`key#${id}`, 'key'),
      await table.query('keys#ada'),
    ])
    expect(kept).not.toContain(secret.slice(0, 8))
    expect(kept).not.toContain(secret.slice(-8))
    expect(kept).toContain(key.slice(-4))
  })

  it('are listed with those that were revoked, the newest first, page by page', async () => {
    const { accounts, clock } = await withAda()
    for (const label of ['a', 'b', 'c']) {
      await accounts.createKey('ada', { role: 'reader', label })
      clock.advance(1)
    }
    const first = await accounts.keys('ada', { limit: 2 })
    const second = await accounts.keys('ada', { limit: 2, cursor: first.cursor })
    await accounts.revokeKey('ada', second.keys[0]!.id)
    expect([...first.keys, ...second.keys].map(({ label }) => label)).toEqual(['c', 'b', 'a'])
    const { keys } = await accounts.keys('ada')
    expect(keys.map(({ revokedAt }) => revokedAt)).toEqual([null, null, expect.any(String)])
  })

  it('stand for nobody once they are revoked, whoever revokes them and however often', async () => {
    const { accounts, clock } = await withAda()
    const { key, id } = await accounts.createKey('ada', { role: 'owner' })
    const other = await accounts.createKey('ada', { role: 'owner' })
    const [first, second] = await Promise.all([
      accounts.revokeKey('ada', id),
      accounts.revokeKey('ada', id),
    ])
    clock.advance(1000)
    expect(second).toEqual(first)
    expect(await accounts.revokeKey('ada', id)).toEqual(first)
    expect(await accounts.verify(key)).toBeUndefined()
    expect(await accounts.verify(other.key)).toMatchObject({ keyId: other.id })
  })

  it('are not revoked by another user', async () => {
    const { accounts } = await withAda()
    await accounts.createUser('bob')
    const { key, id } = await accounts.createKey('ada', { role: 'owner' })
    await expect(accounts.revokeKey('bob', id)).rejects.toMatchObject({ name: 'KeyNotFound' })
    await expect(accounts.revokeKey('cleo', id)).rejects.toMatchObject({ name: 'UserNotFound' })
    await expect(accounts.revokeKey('ada', 'none')).rejects.toMatchObject({ name: 'KeyNotFound' })
    expect(await accounts.verify(key)).toMatchObject({ user: 'ada' })
  })

  it('end with their user', async () => {
    const { accounts } = await withAda()
    const { key } = await accounts.createKey('ada', { role: 'owner' })
    await accounts.removeUser('ada')
    expect(await accounts.verify(key)).toBeUndefined()
  })

  it('are not made for a user who is removed in that moment', async () => {
    const { accounts, table } = await withAda()
    const transact = table.transact.bind(table)
    vi.spyOn(table, 'transact').mockImplementationOnce(async (writes) => {
      await accounts.removeUser('ada')
      return transact(writes)
    })
    await expect(accounts.createKey('ada', { role: 'owner' })).rejects.toMatchObject({
      name: 'UserNotFound',
    })
    expect((await accounts.keys('ada')).keys).toEqual([])
  })

  it('have a role and a label of their form', async () => {
    const { accounts } = await withAda()
    for (const wrong of [
      { role: 'root' as 'owner' },
      { role: 'owner' as const, label: 'a'.repeat(65) },
      { role: 'owner' as const, label: 'a\u001b[2J' },
    ]) {
      await expect(accounts.createKey('ada', wrong)).rejects.toMatchObject({
        name: 'RequestInvalid',
      })
    }
    expect((await accounts.keys('ada')).keys).toEqual([])
  })
})

describe('verification', () => {
  it('takes no key but the whole one', async () => {
    const { accounts } = await withAda()
    const { key, id } = await accounts.createKey('ada', { role: 'owner' })
    const other = formatApiKey({ ...newApiKey(), id })
    const last = key.at(-1) === 'A' ? 'B' : 'A'
    for (const wrong of [
      '',
      'mr_',
      key.slice(0, -1),
      `${key}A`,
      ` ${key}`,
      `${key}\n`,
      key.slice(0, -1) + last,
      key.toUpperCase(),
      other,
      formatApiKey(newApiKey()),
      formatApiKey(newApiKey('operator')),
      `mr_${id}_${'0'.repeat(64)}`,
      `mr_${id}_`,
      'mr___proto___constructor',
      'x'.repeat(100_000),
    ]) {
      expect(await accounts.verify(wrong)).toBeUndefined()
    }
  })

  it('does the same work for an unknown id as for a wrong secret', async () => {
    const { accounts, table } = await withAda()
    const { id } = await accounts.createKey('ada', { role: 'owner' })
    const get = vi.spyOn(table, 'get')
    await accounts.verify(formatApiKey(newApiKey(id)))
    const known = get.mock.calls.length
    await accounts.verify(formatApiKey(newApiKey()))
    expect(get.mock.calls.length).toBe(2 * known)
  })
})
