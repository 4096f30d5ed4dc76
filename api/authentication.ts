import { hash, timingSafeEqual } from 'node:crypto'
import { MillraceError, type Clock } from '../platform/ports/index.ts'
import type { Accounts } from '../tasks/accounts.ts'
import { operatorKeyId, parseApiKey } from '../tasks/api-key.ts'
import { BoundedMap } from '../tasks/bounded-map.ts'
import { operator, type Caller } from '../tasks/caller.ts'
import type { Admission, Credentials } from './admission.ts'

/**
 * How long a key that was verified is taken for valid without being looked up again, in milliseconds:
 * how long a key that was revoked, and one of a user who was removed, may still be admitted.
 */
export const rememberedMilliseconds = 5000

/** Keys that are remembered at a time; the one verified longest ago goes first. */
export const maxRemembered = 10_000

export interface KeyAdmissionOptions {
  /** Keys with which a caller is the operator. */
  readonly operatorKeys?: readonly string[]
}

interface Verification {
  /** Before it was looked up: what is known is of then. */
  readonly since: number
  readonly caller: Promise<Caller>
}

/**
 * Admits the holders of keys: `Authorization: Bearer <key>` or `X-Api-Key: <key>`. A key that is
 * remembered is admitted at once, without a promise. Only verified keys are remembered, by their digests;
 * a lookup that fails admits nobody.
 *
 * Throws Unauthenticated, which never tells the key, nor why one of the right form is not taken.
 */
export function keyAdmission(
  accounts: Pick<Accounts, 'verify'>,
  clock: Clock,
  { operatorKeys = [] }: KeyAdmissionOptions = {},
): Admission {
  const operators = operatorKeys.map(digestOf)
  const remembered = new BoundedMap<string, { readonly since: number; readonly caller: Caller }>(
    maxRemembered,
  )
  const underWay = new Map<string, Verification>()

  return {
    admit(credentials) {
      const key = keyIn(credentials)
      const name = hash('sha256', key, 'base64')
      const known = remembered.get(name)
      if (known !== undefined && isFresh(known)) return known.caller
      const digest = digestOf(key)
      if (operators.some((one) => timingSafeEqual(one, digest))) return operatorWithKey
      const present = underWay.get(name)
      if (present !== undefined && isFresh(present)) return present.caller
      return verified(key, name)
    },
  }

  /** A clock that was set back makes what it dated old. */
  function isFresh({ since }: { readonly since: number }): boolean {
    const age = clock.now() - since
    return age >= 0 && age <= rememberedMilliseconds
  }

  function verified(key: string, name: string): Promise<Caller> {
    remembered.delete(name)
    const since = clock.now()
    const verification: Verification = { since, caller: verify(key, name, since) }
    underWay.set(name, verification)
    const over = () => {
      if (underWay.get(name) === verification) underWay.delete(name)
    }
    verification.caller.then(over, over)
    return verification.caller
  }

  async function verify(key: string, name: string, since: number): Promise<Caller> {
    const caller = await accounts.verify(key)
    if (caller === undefined) throw unauthenticated('this key is unknown, or was revoked')
    // A slow lookup must not outlive a later one.
    if ((remembered.get(name)?.since ?? -Infinity) < since) remembered.set(name, { since, caller })
    return caller
  }
}

const operatorWithKey: Caller = { ...operator, keyId: operatorKeyId }

/** The key that a request came with. Throws Unauthenticated. */
function keyIn({ authorization, apiKey }: Credentials): string {
  const bearer = authorization === undefined ? undefined : bearerIn(authorization)
  if (bearer !== undefined && apiKey !== undefined && bearer !== apiKey) {
    throw unauthenticated('Authorization and X-Api-Key have two different keys: send one of them')
  }
  const key = bearer ?? apiKey
  if (key === undefined) {
    throw unauthenticated(`send a key, as the header "Authorization: Bearer ${form}"`)
  }
  if (parseApiKey(key) === undefined) {
    throw unauthenticated(`what was sent is not a key: one has the form ${form}`)
  }
  return key
}

function bearerIn(authorization: string): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
  if (token !== undefined) return token
  throw unauthenticated(`Authorization: give "Bearer ${form}"`)
}

const form = 'mr_<id>_<secret>'

function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

function unauthenticated(message: string): MillraceError {
  return new MillraceError('Unauthenticated', message)
}
