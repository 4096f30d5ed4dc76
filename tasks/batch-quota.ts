import type { Condition, Item, Ports, Table } from '../platform/ports/index.ts'
import { createAccounts } from './accounts.ts'
import { lastExecutionOf } from './batches.ts'
import type { ModelName } from './names.ts'
import { createPlans, planOfUser } from './plans.ts'
import type { RejectionReason } from './shapes.ts'
import { attempt } from './table-items.ts'
import { monthOf, usagePartition } from './usage.ts'

/**
 * What batches hold of their user's month: all rows of each from the moment on that they are divided,
 * until they are predicted and counted. So several batches at one time cannot have together what each
 * of them could have alone. What a batch was given up with is let go when it is cancelled, else when
 * the month is over.
 */
export interface BatchRows {
  readonly batch: string
  /** Those that are not predicted yet. */
  readonly rows: number
}

/**
 * Holds the rows of a batch, once in a month however often its task runs. Answers why it may not have
 * them, where they are asked of the plan of its user; null when it has them.
 */
export async function holdBatchRows(
  { table, clock }: Pick<Ports, 'table' | 'clock'>,
  user: string,
  { batch, rows, isLimited }: BatchRows & { readonly isLimited: boolean },
): Promise<RejectionReason | null> {
  const month = monthOf(clock.now())
  const pk = usagePartition(user)
  const known = { accounts: createAccounts(table, clock), plans: createPlans(table) }
  const most = isLimited ? (await planOfUser(known, user)).monthly.predictions : null
  for (;;) {
    const [held, item] = await Promise.all([table.get(pk, heldKey(batch)), table.get(pk, month)])
    if (held?.['month'] === month) return null
    const { predicted, held: reserved } = spentRows(item)
    const spent = predicted + reserved
    if (most !== null && spent + rows > most) return beyondPlan(user, most, { spent, rows })
    const before: Condition = held === undefined ? 'absent' : { month: held['month'] as string }
    const written = table.transact([
      { put: { pk, sk: heldKey(batch), month }, if: before },
      {
        update: { pk, sk: month, add: { plannedRows: rows } },
        ...(most === null ? {} : { if: asSeen(item) }),
      },
    ])
    // Else something was counted in between: what is left is asked for again.
    if (await attempt(written)) return null
  }
}

/**
 * Lets the rows go that a batch holds, once; none of one that another execution than the one named has
 * been resumed by.
 */
export async function releaseBatchRows(
  table: Table,
  model: ModelName,
  { batch, execution, rows }: BatchRows & { readonly execution: string },
): Promise<void> {
  const pk = usagePartition(model.user)
  const held = await table.get(pk, heldKey(batch))
  if (held === undefined) return
  const month = held['month'] as string
  await attempt(
    table.transact([
      lastExecutionOf(model, batch, execution),
      { delete: { pk, sk: heldKey(batch) }, if: { month } },
      { update: { pk, sk: month, add: { plannedRows: -rows } } },
    ]),
  )
}

/**
 * Rows of a month that are predicted, or held by a batch. Those of a large batch are counted elsewhere
 * (`countBatchRows`) and stay held here: they are spent in the month that it was divided in.
 */
export async function spentRowsOf(table: Table, user: string, month: string): Promise<SpentRows> {
  return spentRows(await table.get(usagePartition(user), month))
}

export interface SpentRows {
  readonly predicted: number
  /** By batches, which may let them go. */
  readonly held: number
}

function spentRows(item: Item | undefined): SpentRows {
  const [predictions, batchRows, plannedRows] = counts.map((name) => Number(item?.[name] ?? 0))
  // Those of a batch that was divided in the month before are counted in this one, and were never held.
  return { predicted: predictions!, held: Math.max(0, plannedRows! - batchRows!) }
}

const counts = ['predictions', 'batchRows', 'plannedRows'] as const

function asSeen(item: Item | undefined): Condition {
  if (item === undefined) return 'absent'
  return Object.fromEntries(counts.map((name) => [name, (item[name] ?? null) as number | null]))
}

function heldKey(batch: string): string {
  return `batch#${batch}`
}

function beyondPlan(
  user: string,
  most: number,
  { spent, rows }: { spent: number; rows: number },
): RejectionReason {
  return {
    code: 'QuotaExceeded',
    message:
      `the plan of user ${user} has ${most} predictions a month: ${spent} were made, or are under ` +
      `way, and the ${rows} rows of this batch are more than are left; ask for another plan, or ` +
      'when the month is over',
  }
}
