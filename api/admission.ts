import { MillraceError } from '../platform/ports/index.ts'
import { operator, permits, sees, type Caller, type Permission } from '../tasks/caller.ts'
import { formatModel, parseModel, type ModelName } from '../tasks/names.ts'

/** What of a request says who asks. */
export interface Credentials {
  /** The header `Authorization`. */
  readonly authorization?: string | undefined
  /** The header `X-Api-Key`. */
  readonly apiKey?: string | undefined
}

/** Tells who asks. */
export interface Admission {
  /** Throws Unauthenticated. */
  admit(credentials: Credentials): Caller | Promise<Caller>
}

/** Everyone is the operator: a platform without users, on a loopback address. */
export const openAdmission: Admission = { admit: () => operator }

/** Throws PermissionDenied unless the caller may do what is asked for, of several one of them. */
export function requirePermission(caller: Caller, asked: Permission | readonly Permission[]): void {
  const any = [asked].flat()
  if (any.some((permission) => permits(caller, permission))) return
  const who = caller.user === null ? 'the operator' : `a key of the role "${caller.role}"`
  const named = any.map((permission) => `"${permission}"`).join(' or ')
  throw new MillraceError('PermissionDenied', `${who} may not do this: it takes ${named}`)
}

/**
 * Throws `missing`, as for what does not exist, unless the caller sees what belongs to `user`. It says
 * the same whether there is such a thing or not.
 */
export function requireTenant(
  caller: Caller,
  user: string,
  missing: 'ModelNotFound' | 'DatasetNotFound' | 'UserNotFound',
): void {
  if (sees(caller, user)) return
  throw new MillraceError(missing, `there is nothing of this name that this key can see`)
}

/** The dataset that a body names. Throws NameInvalid, and DatasetNotFound where the caller sees none. */
export function datasetNamed(text: string, caller: Caller): ModelName {
  const name = parseModel(text)
  if (sees(caller, name.user)) return name
  throw new MillraceError('DatasetNotFound', `there is no dataset ${formatModel(name)}`)
}
