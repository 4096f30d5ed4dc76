/**
 * Who asks, and what they may do. A user owns datasets and models; a key of theirs has a role. What a
 * caller may not see is told apart by nothing from what does not exist.
 */

/** From the most to the least that a key of a user may do. */
export const roles = ['owner', 'trainer', 'predictor', 'reader'] as const
export type Role = (typeof roles)[number]

/** What a route asks for. `operate` is above all users: it makes and removes them. */
export const permissions = ['operate', 'own', 'train', 'predict', 'read'] as const
export type Permission = (typeof permissions)[number]

export interface Caller {
  /** Whose things the caller may see; null: everyone's, as the operator of the platform may. */
  readonly user: string | null
  readonly role: Role
  /** The public id of the key; null for who came without one. */
  readonly keyId: string | null
}

/** Who may do everything: whoever reaches a platform without users, or holds AWS credentials for it. */
export const operator: Caller = { user: null, role: 'owner', keyId: null }

const permissionsOf: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  owner: new Set(['own', 'train', 'predict', 'read']),
  trainer: new Set(['train', 'predict', 'read']),
  predictor: new Set(['predict']),
  reader: new Set(['read']),
}

export function permits(caller: Caller, permission: Permission): boolean {
  if (permission === 'operate') return caller.user === null
  return permissionsOf[caller.role].has(permission)
}

/** Whether what belongs to `user` is there for the caller. */
export function sees(caller: Caller, user: string): boolean {
  return caller.user === null || caller.user === user
}
