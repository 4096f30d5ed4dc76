import * as z from 'zod'
import type { Execution, Ports } from '../platform/ports/index.ts'
import { clipped } from './clipped.ts'
import { secondsToWait } from './drift-policy.ts'
import { promote } from './promote.ts'
import { createRegistry } from './registry.ts'
import { createRetrainingDecisions } from './retraining-decisions.ts'
import {
  retrainingEnding,
  retrainingRun,
  watchedPromotion,
  type RetrainingEnding,
  type RetrainingNumbers,
  type RetrainingRun,
  type WatchedPromotion,
} from './retraining-shapes.ts'
import { standingOf } from './retraining-standing.ts'
import { gateDecision, rejectionReason, type GateDecision, type RejectionReason } from './shapes.ts'
import { defineTask } from './task.ts'

/** As long as a training may take. */
const limitSeconds = 43_200

/** The error of a training that was stopped with its retraining. */
export const abandoned = 'RetrainingAbandoned'

/** Looks what has become of the challenger's training: the gate decides there. */
export const awaitTraining = defineTask({
  name: 'AwaitTraining',
  input: z.object({ run: retrainingRun, training: z.string(), startedAt: z.string() }),
  output: z.object({
    /** Null while it runs, and where the challenger was not promoted. */
    promotion: watchedPromotion.nullable(),
    waitSeconds: z.number().int(),
    ending: retrainingEnding.nullable(),
  }),
  async run({ run, training, startedAt }, ports) {
    const { executions, clock } = ports
    const execution = await executions.describe('training', training)
    const elapsed = (clock.now() - Date.parse(startedAt)) / 1000
    if (execution.status === 'RUNNING') {
      const { version: champion } = run
      const standing = await standingOf(ports, run, { champion, challenger: null })
      const { policy, against, ending } = standing
      const waitSeconds = secondsToWait(policy, elapsed, limitSeconds)
      // Where another champion came in the meantime, the gate judges the challenger beside that one.
      if (ending === null || against === 'champion-moved') {
        return { promotion: null, waitSeconds, ending: null }
      }
      await executions.stop('training', training, {
        error: abandoned,
        cause: ending.reason,
      })
      return { promotion: null, waitSeconds, ending }
    }
    // This task stopped it, and did not come to tell.
    if (execution.error === abandoned) {
      const champion = await championOf(ports, run)
      const reason = execution.cause ?? abandoned
      const ending: RetrainingEnding = {
        outcome: 'abandoned',
        reason,
        challenger: null,
        champion,
        numbers: {},
      }
      return { promotion: null, waitSeconds: 1, ending }
    }
    const { outcome, reason, numbers, promotion, challenger } = await trained(ports, run, execution)
    await createRetrainingDecisions(ports.table, clock).record(run.model, {
      execution: run.execution,
      detection: run.detection,
      step: 'trained',
      outcome,
      reason,
      numbers: { ...numbers, secondsTrained: elapsed },
    })
    if (outcome === 'promoted') return { promotion, waitSeconds: 1, ending: null }
    const champion = await championOf(ports, run)
    const ending: RetrainingEnding = { outcome, reason, challenger, champion, numbers }
    return { promotion: null, waitSeconds: 1, ending }
  },
})

/** Of what the training workflow's executions answer, what decides here. */
const trainingOutput = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('registered'),
    version: z.number().int(),
    decision: gateDecision,
    promotion: promote.output,
  }),
  z.object({ outcome: z.literal('rejected'), reasons: z.array(rejectionReason) }),
  z.object({ outcome: z.literal('duplicate'), of: z.string(), reason: z.string() }),
])

interface Trained {
  readonly outcome: 'promoted' | Exclude<RetrainingEnding['outcome'], 'refused' | 'unlabelled'>
  readonly reason: string
  readonly challenger: number | null
  readonly numbers: RetrainingNumbers
  /** Where it was promoted. */
  readonly promotion: WatchedPromotion | null
}

/** What a training that has ended came to. */
async function trained(
  { table, clock }: Pick<Ports, 'table' | 'clock'>,
  { model }: RetrainingRun,
  { name, status, output, error }: Execution,
): Promise<Trained> {
  const none = { challenger: null, numbers: {}, promotion: null }
  const parsed = trainingOutput.safeParse(output)
  if (status !== 'SUCCEEDED' || !parsed.success) {
    const reason = `the training ${name} ended as ${status}${error === undefined ? '' : `: ${error}`}`
    return { ...none, outcome: 'failed', reason }
  }
  const { data } = parsed
  switch (data.outcome) {
    case 'rejected':
      return { ...none, outcome: 'failed', reason: `the rows were refused: ${reasonsIn(data)}` }
    case 'duplicate':
      return { ...none, outcome: 'kept', reason: `the training ${data.of} had the same rows` }
    case 'registered':
      break
    default:
      return data satisfies never
  }
  const { version, decision, promotion } = data
  const found = { reason: promotion.reason, challenger: version, numbers: numbersOf(decision) }
  if (promotion.outcome === 'kept') return { ...found, outcome: 'kept', promotion: null }
  if (promotion.outcome !== 'promoted') return { ...found, outcome: 'abandoned', promotion: null }
  if (promotion.previous === null) return { ...found, outcome: 'unconfirmed', promotion: null }
  const alias = await createRegistry(table, clock).alias(model, 'champion')
  const promotedAt = alias?.version === version ? alias.since : new Date(clock.now()).toISOString()
  const { previous } = promotion
  return { ...found, outcome: 'promoted', promotion: { version, previous, promotedAt } }
}

async function championOf(
  { table, clock }: Pick<Ports, 'table' | 'clock'>,
  { model }: RetrainingRun,
): Promise<number | null> {
  return (await createRegistry(table, clock).alias(model, 'champion'))?.version ?? null
}

function reasonsIn({ reasons }: { readonly reasons: readonly RejectionReason[] }): string {
  return clipped(reasons.map(({ message }) => message).join('; '), 1000)
}

function numbersOf({ rows, difference, interval }: GateDecision): RetrainingNumbers {
  return {
    heldOutRows: rows,
    ...(difference === null ? {} : { difference }),
    ...(interval === null ? {} : { lower: interval[0], upper: interval[1] }),
  }
}
