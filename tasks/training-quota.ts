import type { Ports } from '../platform/ports/index.ts'
import { createAccounts } from './accounts.ts'
import { createPlans, planOfUser } from './plans.ts'
import type { RejectionReason, TrainingClaim } from './shapes.ts'
import { isTrainingCounted, monthOf, trainedRowsOf } from './usage.ts'

/** What a training may have of its user's month. */
export interface TrainingQuota {
  /** Rows that the plan lets the whole month have; null for as many as there are. */
  readonly most: number | null
  /** Why it may have none; null when it may. */
  readonly spent: RejectionReason | null
}

/**
 * What the plan of an upload's user leaves to it. A training that was asked for was allowed then, and
 * one that was counted before goes on.
 */
export async function trainingQuotaOf(
  { table, clock }: Pick<Ports, 'table' | 'clock'>,
  { model: { user }, execution, requested }: TrainingClaim,
): Promise<TrainingQuota> {
  if (requested === true) return { most: null, spent: null }
  const known = { accounts: createAccounts(table, clock), plans: createPlans(table) }
  const { trainedRows: most } = (await planOfUser(known, user)).monthly
  if (most === null) return { most, spent: null }
  const trainedRows = await trainedRowsOf(table, user, monthOf(clock.now()))
  const isSpent = trainedRows >= most && !(await isTrainingCounted(table, user, execution))
  return { most, spent: isSpent ? quotaReason(user, most) : null }
}

/** Why an upload is not trained on, of so many rows or of however many it has. */
export function quotaReason(user: string, most: number, rows?: number): RejectionReason {
  const beyond =
    rows === undefined
      ? 'and they are used up'
      : `and the ${rows} of this upload are more than are left`
  return {
    code: 'QuotaExceeded',
    message:
      `the plan of user ${user} trains on ${most} rows a month, ${beyond}: ` +
      'ask for another plan, or send it again when the month is over',
  }
}
