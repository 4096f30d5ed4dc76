import { MillraceError, type Clock, type Table } from '../platform/ports/index.ts'
import { createAccounts } from './accounts.ts'
import { spentRowsOf } from './batch-quota.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Caller } from './caller.ts'
import { createPlans, planOfUser, type Plan, type PlanOfUser } from './plans.ts'
import { takeTokens, type Taken } from './token-bucket.ts'
import { endOfMonth, monthOf } from './usage.ts'

/** How old the knowledge of a user's plan and of what was used this month may be, in milliseconds. */
export const quotaMaxAge = 5000

/** How long tokens that a process has taken may be used, in milliseconds: what is over is forfeited. */
export const leaseAge = 1000

/** Users whose quotas are in memory; the one read longest ago goes first. */
const maxUsers = 10_000

/** What of a plan and a month is left, and what it costs to ask. */
export interface Quotas {
  /**
   * Takes one request and so many rows of predictions from what `user` has left; answers the RateLimit
   * headers of draft-ietf-httpapi-ratelimit-headers, where there are limits. Throws QuotaExceeded,
   * with `Retry-After`; Unauthenticated for a caller who is a user that was removed.
   *
   * Each process takes several tokens at once from the bucket that all share, an eighth of it at most,
   * and knows the month's counters as they were `quotaMaxAge` ago: so much may be had beyond the
   * limit, or less of the burst. The operator has no limits.
   *
   * @param isHeld whether the rows are of a batch, which holds them itself as long as it needs them
   */
  spend(
    caller: Caller,
    user: string,
    rows: number,
    isHeld?: boolean,
  ): Promise<Record<string, string>> | Record<string, string> | undefined
  /** Gives rows back that were taken for a prediction that was not made. */
  refund(caller: Caller, user: string, rows: number): void
}

/** Nothing is limited. */
export const noQuotas: Quotas = { spend: () => undefined, refund: () => undefined }

interface Account {
  readonly plan: PlanOfUser
  /** Rows predicted this month, with those that this process has answered since. */
  predicted: number
  /** Rows that batches hold, with those of batches that this process was asked for since. */
  held: number
  readonly month: string
  readonly readAt: number
  lease: Taken & { readonly takenAt: number }
}

interface Spending {
  readonly rows: number
  readonly isHeld: boolean
}

export function createQuotas(table: Table, clock: Clock): Quotas {
  const accounts = createAccounts(table, clock)
  const plans = createPlans(table)
  const known = new BoundedMap<string, Account>(maxUsers)
  const reading = new Map<string, Promise<Account>>()
  const leasing = new Map<string, Promise<Taken>>()

  return {
    spend(caller, user, rows, isHeld = false) {
      if (caller.user === null) return undefined
      const spending = { rows, isHeld }
      const account = known.get(user)
      const isFresh = account !== undefined && clock.now() - account.readAt < quotaMaxAge
      if (!isFresh) return spendSlowly(user, spending)
      return spendOf(account, user, spending) ?? spendSlowly(user, spending)
    },

    refund(caller, user, rows) {
      const account = known.get(user)
      if (caller.user === null || account?.month !== monthOf(clock.now())) return
      account.predicted = Math.max(0, account.predicted - rows)
    },
  }

  /** From memory; undefined where the bucket must be asked first. Throws QuotaExceeded. */
  function spendOf(
    account: Account,
    user: string,
    { rows, isHeld }: Spending,
  ): Record<string, string> | undefined {
    const { plan, lease } = account
    if (plan.isOfRemoved) throw userRemoved(user)
    const now = clock.now()
    const { predictions: most } = plan.monthly
    if (most !== null && rows > 0 && account.predicted + account.held + rows > most) {
      throw monthExceeded(user, account, most, now)
    }
    if (plan.requestsPerSecond === null) {
      account[isHeld ? 'held' : 'predicted'] += rows
      return {}
    }
    if (lease.tokens < 1 || now - lease.takenAt > leaseAge) return undefined
    account.lease = { ...lease, tokens: lease.tokens - 1 }
    account[isHeld ? 'held' : 'predicted'] += rows
    return rateLimit(plan, lease.left + lease.tokens - 1)
  }

  async function spendSlowly(user: string, spending: Spending): Promise<Record<string, string>> {
    for (;;) {
      const account = await accountOf(user)
      const spent = spendOf(account, user, spending)
      if (spent !== undefined) return spent
      // Requests at one moment wait for one lease, and then share it.
      const lease =
        leasing.get(user) ?? takeLease(user, account).finally(() => leasing.delete(user))
      leasing.set(user, lease)
      const taken = await lease
      if (taken.tokens === 0) throw rateExceeded(user, account.plan, taken)
    }
  }

  async function takeLease(user: string, account: Account): Promise<Taken> {
    const { burst, requestsPerSecond } = account.plan
    const rate = requestsPerSecond!
    const wanted = Math.max(1, Math.min(Math.floor(burst / 8), Math.ceil(rate / 4)))
    const now = clock.now()
    const taken = await takeTokens(table, now, user, { rate, burst }, wanted)
    account.lease = { ...taken, takenAt: now }
    return taken
  }

  /** Asked for by many at once, it is read once. */
  function accountOf(user: string): Account | Promise<Account> {
    const account = known.get(user)
    if (account !== undefined && clock.now() - account.readAt < quotaMaxAge) return account
    const pending = reading.get(user) ?? read(user).finally(() => reading.delete(user))
    reading.set(user, pending)
    return pending
  }

  async function read(user: string): Promise<Account> {
    const readAt = clock.now()
    const month = monthOf(readAt)
    const [plan, spent] = await Promise.all([
      planOfUser({ accounts, plans }, user),
      spentRowsOf(table, user, month),
    ])
    const before = known.get(user)
    const counted = before?.month === month ? before.predicted : 0
    const account: Account = {
      plan,
      month,
      readAt,
      // What this process has answered may not have been counted yet.
      predicted: Math.max(spent.predicted, counted),
      held: spent.held,
      lease: before?.lease ?? { tokens: 0, left: 0, waitSeconds: 0, takenAt: -Infinity },
    }
    known.set(user, account)
    return account
  }
}

function rateLimit({ requestsPerSecond: rate, burst }: Plan, left: number) {
  const window = Math.max(1, Math.ceil(burst / rate!))
  return {
    'ratelimit-policy': `"requests";q=${burst};w=${window}`,
    ratelimit: `"requests";r=${Math.max(0, Math.floor(left))};t=${window}`,
  }
}

/** A token of another sign-in is good until it expires, whatever became of its user here. */
function userRemoved(user: string): MillraceError {
  return new MillraceError('Unauthenticated', `user ${user} was removed`)
}

function rateExceeded(user: string, plan: Plan, { waitSeconds }: Taken): MillraceError {
  const wait = Math.max(1, Math.ceil(waitSeconds))
  return new MillraceError(
    'QuotaExceeded',
    `the plan of user ${user} has ${plan.requestsPerSecond} requests a second, ${plan.burst} at once: ` +
      `ask again in ${wait} s`,
    { details: { headers: { ...rateLimit(plan, 0), 'retry-after': String(wait) } } },
  )
}

function monthExceeded(
  user: string,
  { predicted, held, month }: Account,
  most: number,
  now: number,
): MillraceError {
  const wait = Math.ceil((endOfMonth(now) - now) / 1000)
  return new MillraceError(
    'QuotaExceeded',
    `the plan of user ${user} has ${most} predictions a month, and ${predicted + held} were made in ` +
      `${month}: ask for another plan, or when the month is over`,
    { details: { headers: { 'retry-after': String(wait) } } },
  )
}
