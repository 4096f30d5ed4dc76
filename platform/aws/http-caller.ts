import type { Admission } from '../../api/admission.ts'
import { operator, roles, type Caller, type Role } from '../../tasks/caller.ts'
import { nameSchema } from '../../tasks/names.ts'
import { MillraceError } from '../ports/errors.ts'
import type { HttpEvent } from './http-event.ts'

/** Who lets requests through in front of a function. */
const authorizers = ['iam', 'keys', 'jwt', 'none'] as const
export type GatewayAuthorizer = (typeof authorizers)[number]

/** The environment variable that says which one it is. */
export const authorizerVariable = 'MILLRACE_AUTHORIZER'

type Fields = Readonly<Record<string, unknown>>

/** The authorizer that the environment names, if any. Throws SettingsInvalid for an unknown one. */
export function authorizerFrom(
  environment: Readonly<Record<string, string | undefined>>,
): GatewayAuthorizer | undefined {
  const name = environment[authorizerVariable] ?? ''
  if (name === '') return undefined
  const known = authorizers.find((one) => one === name)
  if (known !== undefined) return known
  throw new MillraceError(
    'SettingsInvalid',
    `${authorizerVariable} is "${name}": it is one of ${authorizers.join(', ')}`,
  )
}

/**
 * Who asks, as the gateway's authorizer found:
 * - a Lambda authorizer says it in its context: `user`, `role` and `keyId` (see `authorizerFunction`);
 * - a JWT of a Cognito user pool in its claims: the user is `custom:millrace_user` where that is there,
 *   else the first of `cognito:username`, `username` and `sub` that can be a user's name; the role is the
 *   one that most is allowed of the groups `millrace-owner`, `millrace-trainer`, `millrace-predictor` and
 *   `millrace-reader`, and reader, the least, for who is in none of them. No claim makes an operator. The
 *   pool's app clients must not be allowed to write `custom:millrace_user`: with it, people would say
 *   themselves who they are;
 * - IAM, or no authorizer at all, means the operator.
 *
 * Undefined, which only public routes take, for a context or claims that name no user or no role, and
 * where the authorizer is known to be `keys` or `jwt`, for a request that it said nothing about.
 */
export function callerOf(
  event: Pick<HttpEvent, 'rawPath' | 'requestContext'>,
  authorizer: GatewayAuthorizer | undefined = undefined,
): Caller | undefined {
  const said = event.requestContext.authorizer ?? {}
  const isHttpApi = event.rawPath !== undefined
  const claims = fieldsOf(isHttpApi ? fieldsOf(said['jwt'])?.['claims'] : said['claims'])
  if (claims !== undefined) return callerOfClaims(claims)
  const context = isHttpApi ? said['lambda'] : withoutOwn(said)
  if (context !== undefined && context !== null) return callerOfContext(fieldsOf(context) ?? {})
  const isByIam = isHttpApi && fieldsOf(said['iam']) !== undefined
  const isAskedForElsewhere = authorizer === 'keys' || authorizer === 'jwt'
  return isAskedForElsewhere && !isByIam ? undefined : operator
}

/** For an app behind a gateway, which has found out who asks: refuses whom it did not tell of. */
export const gatewayAdmission: Admission = {
  admit() {
    throw new MillraceError(
      'Unauthenticated',
      'the gateway in front of this API tells of no user with a role: a Lambda authorizer has them in ' +
        'its context, a token in its claims',
    )
  },
}

function callerOfContext({ user, role, keyId }: Fields): Caller | undefined {
  const known = roles.find((one) => one === role)
  if (!isName(user) || known === undefined) return undefined
  return { user, role: known, keyId: typeof keyId === 'string' && keyId !== '' ? keyId : null }
}

const userClaim = 'custom:millrace_user'

function callerOfClaims(claims: Fields): Caller | undefined {
  const names = userClaim in claims ? [userClaim] : ['cognito:username', 'username', 'sub']
  const user = names.map((name) => claims[name]).find(isName)
  if (user === undefined) return undefined
  return { user, role: roleOf(claims['cognito:groups']), keyId: null }
}

function roleOf(groups: unknown): Role {
  const names = groupsIn(groups)
  return roles.find((role) => names.includes(`millrace-${role}`)) ?? 'reader'
}

/** HTTP APIs make "[a b]" of an array, REST APIs "a,b". Groups have no spaces in their names. */
function groupsIn(groups: unknown): readonly unknown[] {
  if (Array.isArray(groups)) return groups
  if (typeof groups !== 'string') return []
  const [, list] = /^\[(.*)\]$/s.exec(groups) ?? []
  return list === undefined ? groups.split(',') : list.split(' ')
}

/** What a Lambda authorizer of a REST API said; undefined where only the gateway itself did. */
function withoutOwn(said: Fields): Fields | undefined {
  const names = Object.keys(said).filter((name) => name !== 'integrationLatency')
  return names.length === 0 ? undefined : said
}

function isName(value: unknown): value is string {
  return nameSchema.safeParse(value).success
}

function fieldsOf(value: unknown): Fields | undefined {
  return value !== null && typeof value === 'object' ? (value as Fields) : undefined
}
