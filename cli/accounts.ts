import { systemClock } from '../platform/local/observability.ts'
import { createAccounts, type Accounts, type NewKey } from '../tasks/accounts.ts'
import { createPlans, type Plans } from '../tasks/plans.ts'
import { stackTable } from './aws/table.ts'
import type { Client } from './client.ts'
import { connect } from './connect.ts'
import type { PlatformLocation } from './platform-location.ts'

/** What the commands for users and keys do. */
export type AccountsAccess = Omit<Accounts, 'user' | 'verify'>

/**
 * The users of a platform. Those of a stack are read and written where they are kept, by the caller's
 * AWS credentials, unless a key is given: an API that asks for keys knows no operator.
 *
 * @throws MillraceError PlatformNotRunning, StackNotFound, AccessRefused, PackageMissing.
 */
export async function accountsAt(
  location: PlatformLocation,
  signal: AbortSignal,
): Promise<AccountsAccess> {
  if (location.kind !== 'deployed' || location.key !== undefined) {
    return accountsThrough(await connect(location, signal))
  }
  return createAccounts(await stackTable(location), systemClock)
}

/** The plans of a platform, as its users. Throws as `accountsAt`. */
export async function plansAt(
  location: PlatformLocation,
  signal: AbortSignal,
): Promise<Pick<Plans, 'plans' | 'setPlan'>> {
  if (location.kind === 'deployed' && location.key === undefined) {
    return createPlans(await stackTable(location))
  }
  const client = await connect(location, signal)
  return {
    plans: (page = {}) => client.get('/plans', { ...page }),
    setPlan: (name, plan) => client.put(`/plans/${encodeURIComponent(name)}`, plan),
  }
}

function accountsThrough(client: Client): AccountsAccess {
  const userPath = (name: string) => `/users/${encodeURIComponent(name)}`
  const keysPath = (name: string) => `${userPath(name)}/keys`
  return {
    createUser: (name, options = {}) => client.post('/users', { name, ...options }),
    users: (page = {}) => client.get('/users', { ...page }),
    removeUser: (name) => client.delete(userPath(name)),
    setPlan: (name, plan) => client.put(`${userPath(name)}/plan`, { plan }),
    createKey: (user, key: NewKey) => client.post(keysPath(user), key),
    keys: (user, page = {}) => client.get(keysPath(user), { ...page }),
    revokeKey: (user, id) => client.delete(`${keysPath(user)}/${encodeURIComponent(id)}`),
  }
}
