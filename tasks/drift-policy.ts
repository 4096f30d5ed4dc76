import * as z from 'zod'
import { MillraceError, type Item, type Table } from '../platform/ports/index.ts'
import { driftPartition } from './drift-records.ts'
import { formatModel, type ModelName } from './names.ts'
import { asJson, attempt } from './table-items.ts'

const day = 86_400

/** Most rows whose answers by two versions are compared: they are one item of the table. */
const maxWatchRows = 5000

/** What the loop that retrains a model may do. */
export const driftPolicy = z.strictObject({
  paused: z
    .boolean()
    .default(false)
    .describe('the kill switch: nothing is retrained or rolled back'),
  minLabelledRows: z
    .number()
    .int()
    .min(20)
    .max(100_000)
    .default(200)
    .describe('labelled rows since the change that a challenger learns from and is judged on'),
  patienceSeconds: z
    .number()
    .int()
    .min(1)
    .max(30 * day)
    .default(7 * day)
    .describe('how long these labels are waited for'),
  pollSeconds: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .default(30)
    .describe('the least time between two looks for labels'),
  coolDownSeconds: z
    .number()
    .int()
    .min(0)
    .max(30 * day)
    .default(3600)
    .describe('between the end of one retraining and the next one'),
  runsPerDay: z.number().int().min(0).max(1000).default(4).describe('of a day of UTC'),
  watchRows: z
    .number()
    .int()
    .min(30)
    .max(maxWatchRows)
    .default(200)
    .describe('labelled rows on which a promoted version is held against its predecessor'),
  watchSeconds: z
    .number()
    .int()
    .min(1)
    .max(30 * day)
    .default(3 * day)
    .describe('how long these are waited for'),
})
export type DriftPolicy = z.infer<typeof driftPolicy>

export interface KeptPolicy {
  readonly policy: DriftPolicy
  /** Grows with every change; 0 while nobody has set one. */
  readonly revision: number
}

/** The policies of models; where none is set, the defaults hold. */
export interface DriftPolicies {
  of(model: ModelName): Promise<KeptPolicy>
  /** Throws PolicyChanged unless the policy is at `ifRevision`. */
  set(model: ModelName, policy: DriftPolicy, ifRevision: number): Promise<KeptPolicy>
  /** The defaults hold again. Idempotent. */
  drop(model: ModelName): Promise<void>
}

export function createDriftPolicies(table: Table): DriftPolicies {
  const policies: DriftPolicies = {
    async of(model) {
      const item = await table.get(driftPartition(model), policyKey)
      return item === undefined ? { policy: driftPolicy.parse({}), revision: 0 } : policyOf(item)
    },

    async set(model, policy, ifRevision) {
      const revision = ifRevision + 1
      const put = table.put(
        { pk: driftPartition(model), sk: policyKey, policy: asJson(policy), revision },
        { if: ifRevision === 0 ? 'absent' : { revision: ifRevision } },
      )
      if (await attempt(put)) return { policy, revision }
      const { revision: found } = await policies.of(model)
      throw new MillraceError(
        'PolicyChanged',
        `the policy of ${formatModel(model)} is at revision ${found}, not ${ifRevision}: look at it, then ask again`,
      )
    },

    drop: (model) => table.delete(driftPartition(model), policyKey),
  }
  return policies
}

/**
 * After how many seconds a loop looks again: soon at first, later by a twentieth of the time that it
 * has waited, and so often that its whole wait fits the history of an execution many times.
 */
export function secondsToWait(
  { pollSeconds }: Pick<DriftPolicy, 'pollSeconds'>,
  elapsedSeconds: number,
  limitSeconds: number,
): number {
  const slower = Math.min(Math.max(elapsedSeconds, 0) / 20, limitSeconds / 400)
  return Math.max(pollSeconds, Math.round(slower))
}

const policyKey = 'policy'

/** What an older or a newer version of the code has kept is read with the defaults of this one. */
function policyOf(item: Item): KeptPolicy {
  const kept = z.object(driftPolicy.shape).parse(item['policy'])
  return { policy: kept, revision: item['revision'] as number }
}
