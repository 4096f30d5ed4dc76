import type { Clock, Item, PageOptions, Table } from '../platform/ports/index.ts'
import { driftPartition } from './drift-records.ts'
import type { ModelName } from './names.ts'
import type { RetrainingNumbers } from './retraining-shapes.ts'
import { asJson, attempt } from './table-items.ts'

/**
 * What a retraining decides on its way, in this order; each at most once an execution. One that `failed`
 * may go on, and end, when it is redriven.
 */
export const retrainingSteps = [
  'claimed',
  'labelled',
  'training',
  'trained',
  'watched',
  'ended',
  'failed',
] as const
export type RetrainingStep = (typeof retrainingSteps)[number]

/** A decision of the loop, with what it was made on. */
export interface RetrainingDecision {
  /** ISO 8601 time. */
  readonly at: string
  readonly execution: string
  readonly detection: string
  readonly step: RetrainingStep
  readonly outcome: string
  readonly reason: string
  readonly numbers: RetrainingNumbers
}

export interface RetrainingDecisions {
  /** The first record of an execution's step stays: a task that runs again changes nothing. */
  record(model: ModelName, decision: Omit<RetrainingDecision, 'at'>): Promise<void>
  /** The newest first. Throws CursorInvalid. */
  list(
    model: ModelName,
    page?: PageOptions,
  ): Promise<{ decisions: RetrainingDecision[]; cursor?: string }>
}

export function createRetrainingDecisions(table: Table, clock: Clock): RetrainingDecisions {
  return {
    async record(model, decision) {
      const pk = driftPartition(model)
      const at = new Date(clock.now()).toISOString()
      const { execution, step } = decision
      await attempt(
        table.transact([
          { put: { pk, sk: `decided#${execution}#${step}`, at }, if: 'absent' },
          {
            put: {
              pk,
              sk: `${prefix}${at}#${execution}#${retrainingSteps.indexOf(step)}-${step}`,
              decision: asJson({ at, ...decision }),
            },
          },
        ]),
      )
    },

    async list(model, { cursor, limit } = {}) {
      const asked = { prefix, descending: true, cursor, limit }
      const page = await table.query(driftPartition(model), asked)
      return { decisions: page.items.map(decisionOf), cursor: page.cursor }
    },
  }
}

const prefix = 'decision#'

function decisionOf(item: Item): RetrainingDecision {
  return item['decision'] as unknown as RetrainingDecision
}
