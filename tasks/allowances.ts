import { MillraceError, type Ports } from '../platform/ports/index.ts'
import { createAccounts } from './accounts.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Caller } from './caller.ts'
import { createPlans, planOfUser, type Plan } from './plans.ts'
import { quotaMaxAge } from './quotas.ts'
import { uploadedBytesOf } from './upload-records.ts'
import { endOfMonth, isTrainingCounted, monthOf, storedBytes, usageOf } from './usage.ts'

/** After how many seconds it is worth asking again whether there is room: after something was removed. */
const storageRetrySeconds = 3600

/** Users whose allowances are in memory; the one read longest ago goes first. */
const maxUsers = 10_000

/**
 * What a plan lets a user keep, and train on in a month. The operator has no limits.
 *
 * What is kept, and was trained on, is known as it was `quotaMaxAge` ago, with what this process has
 * allowed since: so much may be had beyond the limit. Uploads in parts count from their start, single
 * ones once they came; a training counts when its dataset was accepted.
 */
export interface Allowances {
  /** Throws QuotaExceeded when so many bytes more are beyond the plan. */
  store(caller: Caller, user: string, bytes: number): Promise<void>
  /**
   * Throws QuotaExceeded when a training on so many rows is beyond the plan's month. One that was
   * allowed or counted before is free.
   *
   * @param training what tells it from others: its execution
   */
  train(caller: Caller, user: string, training: string, rows: number): Promise<void>
}

interface Account {
  readonly plan: Plan
  readonly month: string
  readonly readAt: number
  /** With what this process has allowed since they were read. */
  storedBytes: number
  trainedRows: number
  readonly trainings: Set<string>
}

export function createAllowances({
  table,
  objects,
  clock,
}: Pick<Ports, 'table' | 'objects' | 'clock'>): Allowances {
  const accounts = createAccounts(table, clock)
  const plans = createPlans(table)
  const known = new BoundedMap<string, Account>(maxUsers)
  const reading = new Map<string, Promise<Account>>()

  return {
    async store(caller, user, bytes) {
      if (caller.user === null) return
      const account = await accountOf(user)
      const { storedBytes: most } = account.plan
      if (most === null) return
      if (account.storedBytes + bytes > most) {
        throw exceeded(
          `the plan of user ${user} keeps ${most} bytes: ${account.storedBytes} are kept, and ` +
            `${bytes} more are too many; remove a dataset or a model, or ask for another plan`,
          storageRetrySeconds,
        )
      }
      account.storedBytes += bytes
    },

    async train(caller, user, training, rows) {
      if (caller.user === null) return
      const account = await accountOf(user)
      const { trainedRows: most } = account.plan.monthly
      if (most === null || account.trainings.has(training)) return
      if (account.trainedRows + rows > most) {
        if (await isTrainingCounted(table, user, training)) return
        const now = clock.now()
        throw exceeded(
          `the plan of user ${user} trains on ${most} rows a month: ${account.trainedRows} were ` +
            `trained on in ${account.month}, and ${rows} more are too many; ask for another plan, ` +
            'or when the month is over',
          Math.ceil((endOfMonth(now) - now) / 1000),
        )
      }
      account.trainedRows += rows
      account.trainings.add(training)
    },
  }

  /** Asked for by many at once, it is read once. */
  function accountOf(user: string): Account | Promise<Account> {
    const account = known.get(user)
    const now = clock.now()
    const isFresh = account !== undefined && now - account.readAt < quotaMaxAge
    if (isFresh && account.month === monthOf(now)) return account
    const pending = reading.get(user) ?? read(user).finally(() => reading.delete(user))
    reading.set(user, pending)
    return pending
  }

  async function read(user: string): Promise<Account> {
    const readAt = clock.now()
    const month = monthOf(readAt)
    const plan = await planOfUser({ accounts, plans }, user)
    const limitsBytes = plan.storedBytes !== null
    const [usage, kept, coming] = await Promise.all([
      usageOf(table, user, month),
      limitsBytes ? storedBytes(objects, user) : 0,
      limitsBytes ? uploadedBytesOf(table, user, readAt) : 0,
    ])
    const account: Account = {
      plan,
      month,
      readAt,
      storedBytes: kept + coming,
      trainedRows: usage.trainedRows,
      trainings: new Set(),
    }
    known.set(user, account)
    return account
  }
}

function exceeded(message: string, waitSeconds: number): MillraceError {
  return new MillraceError('QuotaExceeded', message, {
    details: { headers: { 'retry-after': String(waitSeconds) } },
  })
}
