import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Execution,
  type Executions,
  type Item,
  type Table,
} from '../platform/ports/index.ts'
import type { DriftPolicy } from './drift-policy.ts'
import { driftPartition } from './drift-records.ts'
import { formatModel, type ModelName } from './names.ts'
import type { RetrainingNumbers } from './retraining-shapes.ts'
import { attempt } from './table-items.ts'

/** The name of the workflow whose executions hold leases. */
export const retrainingWorkflow = 'retraining'

/**
 * The one place that a model has for a retraining, and the budget of them. It is held by an execution
 * while that runs; of one that no longer runs and left it held, another takes it over.
 */
export interface RetrainingLease {
  /** Asking again for the same execution gives the same answer. */
  claim(model: ModelName, request: LeaseRequest): Promise<LeaseAnswer>
  /**
   * Whether the execution still has the place. One that failed and was redriven takes it again, unless
   * another had it since.
   */
  keep(model: ModelName, execution: string): Promise<boolean>
  /** Frees the place, from when on the cool-down counts. Of another's it changes nothing. */
  free(model: ModelName, execution: string): Promise<void>
}

export interface LeaseRequest {
  readonly execution: string
  readonly detection: string
  readonly policy: Pick<DriftPolicy, 'coolDownSeconds' | 'runsPerDay'>
}

export type LeaseAnswer =
  | { readonly outcome: 'claimed'; readonly claimedAt: string; readonly numbers: RetrainingNumbers }
  | { readonly outcome: 'refused'; readonly reason: string; readonly numbers: RetrainingNumbers }

interface Lease {
  readonly execution: string
  readonly isHeld: boolean
  /** ISO 8601 times; `endedAt` is null while it is held. */
  readonly claimedAt: string
  readonly endedAt: string | null
  /** Runs of this day of UTC. */
  readonly day: string
  readonly runs: number
}

export function createRetrainingLease(
  table: Table,
  executions: Executions,
  clock: Clock,
): RetrainingLease {
  return {
    async claim(model, { execution, detection, policy }) {
      const pk = driftPartition(model)
      const taken = { pk, sk: `claimed#${detection}` }
      // Each round loses only to another claim, which then answers.
      for (let round = 0; round < 20; round++) {
        const lease = leaseOf(await table.get(pk, leaseKey))
        if (lease?.execution === execution) {
          if (lease.isHeld || (await take(model, lease))) return claimed(lease)
          continue
        }
        const claimant = (await table.get(taken.pk, taken.sk))?.['execution'] as string | undefined
        if (claimant !== undefined && claimant !== execution) {
          return refused(`the execution ${claimant} took up this detection`)
        }
        const left = await leftAt(lease)
        if (left === undefined) {
          return refused(`the execution ${lease!.execution} is retraining the model`)
        }
        const now = new Date(clock.now()).toISOString()
        const day = now.slice(0, 10)
        const runs = lease?.day === day ? lease.runs : 0
        if (runs >= policy.runsPerDay) {
          const numbers = { runs, runsPerDay: policy.runsPerDay }
          return refused(`${runs} retrainings of this day are all that there may be`, numbers)
        }
        const rested = left === null ? Infinity : (clock.now() - Date.parse(left)) / 1000
        // An end in the future is of a clock that was set back: it would hold up all until then.
        if (Math.abs(rested) < policy.coolDownSeconds) {
          const numbers = { secondsSinceLast: rested, coolDownSeconds: policy.coolDownSeconds }
          return refused('the last retraining ended too short a time ago', numbers)
        }
        const made: Lease = {
          execution,
          isHeld: true,
          claimedAt: now,
          endedAt: null,
          day,
          runs: runs + 1,
        }
        const writes = table.transact([
          { put: { pk, sk: leaseKey, ...made }, if: conditionOf(lease) },
          {
            put: { ...taken, execution },
            if: claimant === undefined ? 'absent' : { execution },
          },
        ])
        if (await attempt(writes)) return claimed(made)
      }
      throw new MillraceError(
        'StorageFailed',
        `${formatModel(model)}: its retraining changed hands twenty times during one claim`,
      )
    },

    async keep(model, execution) {
      const lease = leaseOf(await table.get(driftPartition(model), leaseKey))
      if (lease?.execution !== execution) return false
      return lease.isHeld || take(model, lease)
    },

    async free(model, execution) {
      const set = { isHeld: false, endedAt: new Date(clock.now()).toISOString() }
      const condition = { if: { execution, isHeld: true } }
      await attempt(table.update(driftPartition(model), leaseKey, { set }, condition))
    },
  }

  /** When the place was left; null for one that never was taken, undefined for one that is. */
  async function leftAt(lease: Lease | undefined): Promise<string | null | undefined> {
    if (lease === undefined) return null
    if (!lease.isHeld) return lease.endedAt
    const holder = await describe(lease.execution)
    if (holder?.status === 'RUNNING') return undefined
    // It ended without leaving the place: stopped, say, and its end not told yet.
    return holder?.stopDate ?? lease.claimedAt
  }

  async function describe(execution: string): Promise<Execution | undefined> {
    try {
      return await executions.describe(retrainingWorkflow, execution)
    } catch (error) {
      if (isMillraceError(error, 'ExecutionNotFound')) return undefined
      throw error
    }
  }

  /** Of the execution that had it last. */
  function take(model: ModelName, lease: Lease): Promise<boolean> {
    const set = { isHeld: true, endedAt: null }
    const condition = { if: conditionOf(lease) }
    return attempt(table.update(driftPartition(model), leaseKey, { set }, condition))
  }
}

const leaseKey = 'lease'

function conditionOf(lease: Lease | undefined) {
  if (lease === undefined) return 'absent' as const
  const { execution, isHeld, endedAt } = lease
  return { execution, isHeld, endedAt }
}

function leaseOf(item: Item | undefined): Lease | undefined {
  return item as unknown as Lease | undefined
}

function claimed({ claimedAt, runs }: Lease): LeaseAnswer {
  return { outcome: 'claimed', claimedAt, numbers: { runsOfDay: runs } }
}

function refused(reason: string, numbers: RetrainingNumbers = {}): LeaseAnswer {
  return { outcome: 'refused', reason, numbers }
}
