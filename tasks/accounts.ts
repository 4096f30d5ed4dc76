import * as z from 'zod'
import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Item,
  type PageOptions,
  type Table,
} from '../platform/ports/index.ts'
import {
  keyKey,
  keyOf,
  listKey,
  listPartition,
  noDigest,
  noKey,
  userKey,
  userOf,
  usersPartition,
  type User,
  type UserKey,
} from './account-items.ts'
import { digestOfSecret, formatApiKey, matchesDigest, newApiKey, parseApiKey } from './api-key.ts'
import { roles, type Caller, type Role } from './caller.ts'
import { nameSchema } from './names.ts'
import { createPlans, defaultPlan } from './plans.ts'
import { attempt } from './table-items.ts'

export type { User, UserKey }

/** What a key is called by its owner: up to 64 printable characters of ASCII. */
export const keyLabelSchema = z
  .string()
  .regex(/^[ -~]{0,64}$/, 'a label is at most 64 printable characters of ASCII')

export const roleSchema = z.enum(roles)

export interface NewKey {
  readonly role: Role
  /** @default '' */
  readonly label?: string
}

/**
 * Users and their keys. A user who was removed stays on record, and so does the name: nobody else can
 * take it, and with it what belongs to it.
 */
export interface Accounts {
  /** Throws UserExists, also for one who was removed; NameInvalid, PlanNotFound. */
  createUser(name: string, options?: { plan?: string }): Promise<User>
  /** Throws UserNotFound. */
  user(name: string): Promise<User>
  /** By name. */
  users(page?: PageOptions): Promise<{ users: User[]; cursor?: string }>
  /** Ends the user's keys. Idempotent. Throws UserNotFound. */
  removeUser(name: string): Promise<User>
  /** Throws UserNotFound, also for one who was removed; NameInvalid, PlanNotFound. */
  setPlan(name: string, plan: string): Promise<User>
  /**
   * Makes a key and answers it, this one time: what is kept cannot be turned into it.
   * Throws UserNotFound, also for one who was removed; RequestInvalid.
   */
  createKey(user: string, options: NewKey): Promise<UserKey & { readonly key: string }>
  /** Those that were revoked too, the newest first. Throws UserNotFound. */
  keys(user: string, page?: PageOptions): Promise<{ keys: UserKey[]; cursor?: string }>
  /** Idempotent. Throws UserNotFound; KeyNotFound where the user has no such key. */
  revokeKey(user: string, id: string): Promise<UserKey>
  /**
   * Whom a key stands for; undefined for what is no key, an unknown or a revoked one, and one of a
   * user who was removed. It does the same work for a key that is unknown as for one whose secret is
   * wrong, so that no time tells which ids there are.
   */
  verify(key: string): Promise<Caller | undefined>
}

export function createAccounts(table: Table, clock: Clock): Accounts {
  const plans = createPlans(table)
  const now = () => new Date(clock.now()).toISOString()

  const accounts: Accounts = {
    async createUser(name, { plan = defaultPlan } = {}) {
      checkName('user', name)
      checkName('plan', plan)
      await plans.plan(plan)
      const user: User = { name, plan, createdAt: now(), disabledAt: null }
      if (await attempt(table.put({ ...userKey(name), ...user }, { if: 'absent' }))) return user
      throw new MillraceError(
        'UserExists',
        `there is a user ${name}, or was: the name of one who was removed stays taken`,
      )
    },

    async user(name) {
      return userOf(await found(name))
    },

    async users(page) {
      const { items, cursor } = await table.query(usersPartition, page)
      return { users: items.map(userOf), cursor }
    },

    async removeUser(name) {
      const user = userOf(await found(name))
      if (user.disabledAt !== null) return user
      return change(name, { disabledAt: now() })
    },

    async setPlan(name, plan) {
      checkName('plan', plan)
      await found(name)
      await plans.plan(plan)
      return change(name, { plan })
    },

    async createKey(user, { role, label = '' }) {
      checkKey(role, label)
      userOf(await found(user))
      const made = newApiKey()
      const key = formatApiKey(made)
      const kept: UserKey = {
        id: made.id,
        user,
        role,
        label,
        createdAt: now(),
        ending: key.slice(-4),
        revokedAt: null,
      }
      const digest = digestOfSecret(made.secret)
      const writes = table.transact([
        { check: userKey(user), if: { disabledAt: null } },
        { put: { ...keyKey(made.id), ...kept, digest }, if: 'absent' },
        { put: { ...listKey(kept), ...kept }, if: 'absent' },
      ])
      if (!(await attempt(writes))) throw removed(user)
      return { ...kept, key }
    },

    async keys(user, page) {
      await found(user)
      const query = { ...page, descending: true }
      const { items, cursor } = await table.query(listPartition(user), query)
      return { keys: items.map(keyOf), cursor }
    },

    async revokeKey(user, id) {
      await found(user)
      const key = await keyOfUser(user, id)
      if (key.revokedAt !== null) return key
      const set = { revokedAt: now() }
      const ifValid = { revokedAt: null }
      try {
        await table.transact([
          { update: { ...keyKey(id), set }, if: ifValid },
          { update: { ...listKey(key), set }, if: ifValid },
        ])
      } catch (error) {
        if (!isMillraceError(error, 'ConditionFailed')) throw error
        // Revoked in between, which is what was asked for.
        const revoked = await keyOfUser(user, id)
        if (revoked.revokedAt === null) throw error
        return revoked
      }
      return { ...key, ...set }
    },

    async verify(text) {
      const parts = parseApiKey(text)
      if (parts === undefined) return undefined
      const item = await table.get(keyKey(parts.id).pk, keyKey(parts.id).sk)
      const key = item === undefined ? noKey : keyOf(item)
      const owner = await table.get(usersPartition, key.user)
      const digest = (item?.['digest'] as string | undefined) ?? noDigest
      const isProven = matchesDigest(parts.secret, digest)
      const isActive = owner !== undefined && userOf(owner).disabledAt === null
      if (!isProven || !isActive || key.revokedAt !== null) return undefined
      return { user: key.user, role: key.role, keyId: key.id }
    },
  }
  return accounts

  async function found(name: string): Promise<Item> {
    const { pk, sk } = userKey(name)
    const item = await table.get(pk, sk)
    if (item === undefined) throw new MillraceError('UserNotFound', `there is no user ${name}`)
    return item
  }

  async function keyOfUser(user: string, id: string): Promise<UserKey> {
    const item = await table.get(keyKey(id).pk, keyKey(id).sk)
    if (item?.['user'] === user) return keyOf(item)
    throw new MillraceError('KeyNotFound', `user ${user} has no key of this id`)
  }

  /** Changes a user who was not removed; the removal of one who was is the one there is. */
  async function change(name: string, set: { plan?: string; disabledAt?: string }): Promise<User> {
    const { pk, sk } = userKey(name)
    try {
      return userOf(await table.update(pk, sk, { set }, { if: { disabledAt: null } }))
    } catch (error) {
      if (!isMillraceError(error, 'ConditionFailed')) throw error
      if (set.disabledAt !== undefined) return accounts.user(name)
      throw removed(name)
    }
  }
}

function checkName(kind: string, name: string): void {
  const result = nameSchema.safeParse(name)
  if (result.success) return
  throw new MillraceError('NameInvalid', `${kind}: ${result.error.issues[0]!.message}`)
}

function checkKey(role: string, label: string): void {
  const result = z.object({ role: roleSchema, label: keyLabelSchema }).safeParse({ role, label })
  if (result.success) return
  const [issue] = result.error.issues
  throw new MillraceError('RequestInvalid', `${issue!.path.join('.')}: ${issue!.message}`)
}

function removed(name: string): MillraceError {
  return new MillraceError('UserNotFound', `user ${name} was removed`)
}
