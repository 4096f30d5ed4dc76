import type { Item } from '../platform/ports/index.ts'
import type { Role } from './caller.ts'

export interface User {
  readonly name: string
  /** Whose quotas and prices hold for the user. */
  readonly plan: string
  /** ISO 8601 time. */
  readonly createdAt: string
  /** ISO 8601 time; null: not removed. */
  readonly disabledAt: string | null
}

/** A key as its owner may see it: without what proves it. */
export interface UserKey {
  readonly id: string
  readonly user: string
  readonly role: Role
  readonly label: string
  /** ISO 8601 time. */
  readonly createdAt: string
  /** The last four characters, by which a person knows it again. */
  readonly ending: string
  /** ISO 8601 time; null: not revoked. */
  readonly revokedAt: string | null
}

/** All users, by name. */
export const usersPartition = 'users'

/** Stands for a key that was not found. The user's name is none that a user can have. */
export const noKey: UserKey = {
  id: '',
  user: '-',
  role: 'reader',
  label: '',
  createdAt: '',
  ending: '',
  revokedAt: null,
}
export const noDigest = '0'.repeat(64)

export function userKey(name: string) {
  return { pk: usersPartition, sk: name }
}

/** Where a key is looked up by its id; with the digest of its secret. */
export function keyKey(id: string) {
  return { pk: `key#${id}`, sk: 'key' }
}

export function listPartition(user: string): string {
  return `keys#${user}`
}

/** Where a key stands among those of its user: in the order of time. */
export function listKey({ user, createdAt, id }: UserKey) {
  return { pk: listPartition(user), sk: `${createdAt}#${id}` }
}

export function userOf(item: Item): User {
  return {
    name: item['name'] as string,
    plan: item['plan'] as string,
    createdAt: item['createdAt'] as string,
    disabledAt: item['disabledAt'] as string | null,
  }
}

export function keyOf(item: Item): UserKey {
  return {
    id: item['id'] as string,
    user: item['user'] as string,
    role: item['role'] as Role,
    label: item['label'] as string,
    createdAt: item['createdAt'] as string,
    ending: item['ending'] as string,
    revokedAt: item['revokedAt'] as string | null,
  }
}
