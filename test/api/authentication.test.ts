import { describe, expect, it, vi } from 'vitest'
import {
  keyAdmission,
  maxRemembered,
  rememberedMilliseconds,
  type KeyAdmissionOptions,
} from '../../api/authentication.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import { ManualClock } from '../../platform/testing/memory-observability.ts'
import { memoryPorts } from '../../platform/testing/memory-ports.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { formatApiKey, newApiKey } from '../../tasks/api-key.ts'
import type { Caller } from '../../tasks/caller.ts'

async function withKey(options: KeyAdmissionOptions = {}) {
  const { table, clock } = memoryPorts()
  const accounts = createAccounts(table, clock)
  await accounts.createUser('ada')
  const { key, id } = await accounts.createKey('ada', { role: 'trainer' })
  const verify = vi.spyOn(accounts, 'verify')
  const admission = keyAdmission(accounts, clock, options)
  return { accounts, clock, admission, key, id, verify }
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

/** What is thrown, at once or later. */
async function refusal(admit: () => unknown): Promise<MillraceError> {
  try {
    await admit()
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  throw new Error('admitted')
}

describe('who has a key', () => {
  it('is admitted by either header, and by both with the same key', async () => {
    const { admission, key, id } = await withKey()
    const caller = { user: 'ada', role: 'trainer', keyId: id }
    expect(await admission.admit(bearer(key))).toEqual(caller)
    expect(await admission.admit({ apiKey: key })).toEqual(caller)
    expect(await admission.admit({ ...bearer(key), apiKey: key })).toEqual(caller)
    expect(await admission.admit({ authorization: `bearer  ${key}` })).toEqual(caller)
  })

  it('is the operator with a key of the operator', async () => {
    const own = formatApiKey(newApiKey('operator'))
    const { admission, verify } = await withKey({ operatorKeys: [own] })
    expect(await admission.admit(bearer(own))).toEqual({
      user: null,
      role: 'owner',
      keyId: 'operator',
    })
    expect(verify).not.toHaveBeenCalled()
    const other = formatApiKey(newApiKey('operator'))
    expect((await refusal(() => admission.admit(bearer(other)))).name).toBe('Unauthenticated')
  })
})

describe('who has none', () => {
  it.each<[string, (key: string) => { authorization?: string; apiKey?: string }, RegExp]>([
    ['nothing', () => ({}), /send a key/],
    ['an empty key', () => ({ apiKey: '' }), /not a key/],
    ['an empty header', () => ({ authorization: '' }), /give "Bearer/],
    ['another scheme', (key) => ({ authorization: `Basic ${key}` }), /give "Bearer/],
    ['another scheme beside a key', (key) => ({ authorization: 'Basic x', apiKey: key }), /Bearer/],
    ['a bare key', (key) => ({ authorization: key }), /give "Bearer/],
    ['two keys in one header', (key) => ({ apiKey: `${key}, ${key}` }), /not a key/],
    ['half a key', (key) => bearer(key.slice(0, 30)), /not a key/],
    ['a long text', () => bearer('x'.repeat(100_000)), /not a key/],
    ['spaces', () => ({ authorization: `Bearer ${' '.repeat(100_000)}` }), /give "Bearer/],
    ['an unknown key', () => bearer(formatApiKey(newApiKey())), /unknown, or was revoked/],
    ['a wrong secret', (key) => bearer(key.slice(0, 20) + 'A'.repeat(43)), /unknown, or was/],
    [
      'two different keys',
      (key) => ({ ...bearer(key), apiKey: formatApiKey(newApiKey()) }),
      /two different keys/,
    ],
  ])('is refused with %s, in words without the key', async (_, credentials, words) => {
    const { admission, key } = await withKey()
    const sent = credentials(key)
    const { name, message, status } = await refusal(() => admission.admit(sent))
    expect({ name, status }).toEqual({ name: 'Unauthenticated', status: 401 })
    expect(message).toMatch(words)
    for (const text of [sent.apiKey, sent.authorization?.split(' ').at(-1)]) {
      if (text !== undefined && text.length > 4) expect(message).not.toContain(text.slice(0, 30))
    }
  })
})

describe('a verified key', () => {
  it('is admitted at once while it is remembered', async () => {
    const { admission, key, verify, clock } = await withKey()
    await admission.admit(bearer(key))
    clock.advance(rememberedMilliseconds)
    expect(admission.admit(bearer(key))).toMatchObject({ user: 'ada' })
    expect(verify).toHaveBeenCalledTimes(1)
  })

  it('is seen so long after it was revoked, and no longer', async () => {
    const { accounts, admission, key, id, clock } = await withKey()
    await admission.admit(bearer(key))
    await accounts.revokeKey('ada', id)
    clock.advance(rememberedMilliseconds)
    expect(await admission.admit(bearer(key))).toMatchObject({ user: 'ada' })
    clock.advance(1)
    for (let again = 0; again < 2; again++) {
      expect((await refusal(() => admission.admit(bearer(key)))).name).toBe('Unauthenticated')
    }
  })

  it('is looked up anew when the clock was set back', async () => {
    const { accounts, admission, key, id, clock } = await withKey()
    await admission.admit(bearer(key))
    await accounts.revokeKey('ada', id)
    clock.advance(-3_600_000)
    expect((await refusal(() => admission.admit(bearer(key)))).name).toBe('Unauthenticated')
  })

  it('is looked up once for requests that come together', async () => {
    const { admission, key, verify } = await withKey()
    await Promise.all(Array.from({ length: 50 }, async () => admission.admit(bearer(key))))
    expect(verify).toHaveBeenCalledTimes(1)
  })

  it('is not admitted by a lookup that began too long ago', async () => {
    const clock = new ManualClock(0)
    const lookups: ((caller: Caller | undefined) => void)[] = []
    const verify = () =>
      new Promise<Caller | undefined>((resolve) => {
        lookups.push(resolve)
      })
    const admission = keyAdmission({ verify }, clock)
    const key = formatApiKey(newApiKey())
    const frozen = admission.admit(bearer(key))
    clock.advance(rememberedMilliseconds + 1)
    const later = refusal(() => admission.admit(bearer(key)))
    lookups[1]!(undefined)
    expect((await later).name).toBe('Unauthenticated')
    lookups[0]!({ user: 'ada', role: 'owner', keyId: 'k' })
    await frozen
    // What was true then is too old to be remembered.
    void refusal(() => admission.admit(bearer(key)))
    expect(lookups).toHaveLength(3)
    lookups[2]!(undefined)
  })

  it('is not admitted while it cannot be looked up, and is once it can', async () => {
    const { admission, key, verify } = await withKey()
    verify.mockRejectedValueOnce(new MillraceError('StorageFailed', 'the disk'))
    expect((await refusal(() => admission.admit(bearer(key)))).name).toBe('StorageFailed')
    expect(await admission.admit(bearer(key))).toMatchObject({ user: 'ada' })
  })

  it('makes room for others', async () => {
    const verify = vi.fn(async () => ({ user: 'ada', role: 'owner', keyId: 'k' }) as const)
    const admission = keyAdmission({ verify }, new ManualClock(0))
    const keys = Array.from({ length: maxRemembered + 1 }, () => formatApiKey(newApiKey()))
    for (const key of keys) await admission.admit(bearer(key))
    expect(admission.admit(bearer(keys[1]!))).not.toBeInstanceOf(Promise)
    expect(admission.admit(bearer(keys[0]!))).toBeInstanceOf(Promise)
  })
})

describe('an unknown key', () => {
  it('is looked up each time, and pushes none out that is remembered', async () => {
    const { admission, key, verify } = await withKey()
    await admission.admit(bearer(key))
    const unknown = formatApiKey(newApiKey())
    await refusal(() => admission.admit(bearer(unknown)))
    await refusal(() => admission.admit(bearer(unknown)))
    expect(verify).toHaveBeenCalledTimes(3)
    verify.mockResolvedValue(undefined)
    for (let i = 0; i <= maxRemembered; i++) {
      await refusal(() => admission.admit(bearer(formatApiKey(newApiKey()))))
    }
    expect(admission.admit(bearer(key))).not.toBeInstanceOf(Promise)
  })
})
