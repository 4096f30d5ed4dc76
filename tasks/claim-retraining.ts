import * as z from 'zod'
import { eventEnvelope, servingDrift } from '../events/index.ts'
import { isMillraceError, type Ports } from '../platform/ports/index.ts'
import { splitRuleOf } from './dataset.ts'
import { createDriftPolicies } from './drift-policy.ts'
import { checkpointBefore, headPlace, monitorHeadOf } from './drift-records.ts'
import { listExecution } from './execution-owner.ts'
import { gateRows } from './gate.ts'
import { formatModel, parseModel } from './names.ts'
import { createRegistry, type ModelVersion } from './registry.ts'
import { createRetrainingDecisions } from './retraining-decisions.ts'
import { createRetrainingLease, retrainingWorkflow } from './retraining-lease.ts'
import {
  labelProgress,
  retrainingEnding,
  retrainingRun,
  type RetrainingNumbers,
  type RetrainingRun,
} from './retraining-shapes.ts'
import { defineTask } from './task.ts'

const isoTime = z.iso.datetime()

/** The event of a drift in what is served, checked as what comes from anywhere. */
export const servingDriftEvent = eventEnvelope.extend({
  source: z.literal('millrace'),
  'detail-type': z.literal('Drift Detected'),
  detail: servingDrift.extend({
    detection: z
      .string()
      .min(1)
      .max(200)
      .refine((id) => id.isWellFormed()),
    model: z.string().refine(isModel, 'a model is named <user>/<dataset>'),
    changedSince: isoTime,
    detectedAt: isoTime,
  }),
})

/**
 * Takes the model's one place for a retraining, within its budget. Of a storm of detections one
 * execution gets it: the others are refused, with the reason.
 */
export const claimRetraining = defineTask({
  name: 'ClaimRetraining',
  input: z.object({ event: servingDriftEvent, execution: z.string() }),
  output: z.object({
    run: retrainingRun,
    progress: labelProgress,
    /** What it comes to, where it was refused. */
    ending: retrainingEnding.nullable(),
  }),
  async run({ event, execution }, ports) {
    const { table, executions, clock } = ports
    const { detail } = event
    const { detection, version, changedSince } = detail
    const model = parseModel(detail.model)
    await listExecution(table, clock, model.user, { workflow: retrainingWorkflow, name: execution })
    const registry = createRegistry(table, clock)
    const { policy } = await createDriftPolicies(table).of(model)
    const champion = (await registry.alias(model, 'champion'))?.version ?? null
    const drifted = champion === version ? await registry.version(model, version) : undefined
    const lease = createRetrainingLease(table, executions, clock)
    const against = policy.paused
      ? 'retraining is paused'
      : drifted === undefined
        ? `version ${version} drifted, and the champion is ${champion ?? 'none'}`
        : drifted.metrics.task === 'clustering'
          ? 'a clustering has no labels to learn from'
          : null
    const claimed =
      against === null
        ? await lease.claim(model, { execution, detection, policy })
        : { outcome: 'refused' as const, reason: against, numbers: {} }
    const isClaimed = claimed.outcome === 'claimed'
    const reason = isClaimed ? reasonOf(detail) : claimed.reason
    const from = isClaimed ? await startOf(ports, detail) : {}
    const run: RetrainingRun = {
      model,
      version,
      detection,
      execution,
      changedSince,
      claimedAt: isClaimed ? claimed.claimedAt : new Date(clock.now()).toISOString(),
      from,
      leastRows: drifted === undefined ? 0 : leastRowsOf(drifted),
    }
    await createRetrainingDecisions(table, clock).record(model, {
      execution,
      detection,
      step: 'claimed',
      outcome: claimed.outcome,
      reason,
      numbers: { version, ...numbersOf(detail), ...claimed.numbers },
    })
    const ending = isClaimed
      ? null
      : { outcome: claimed.outcome, reason, challenger: null, champion, numbers: claimed.numbers }
    return { run, progress: { cursor: from, rows: 0 }, ending }
  },
})

type Detail = z.infer<typeof servingDriftEvent>['detail']

function isModel(text: string): boolean {
  try {
    return formatModel(parseModel(text)) === text
  } catch (error) {
    if (isMillraceError(error, 'NameInvalid')) return false
    throw error
  }
}

/** Where in the log what was predicted since the change begins, or before that. */
async function startOf(
  { table }: Pick<Ports, 'table'>,
  { model, version, changedSince }: Detail,
): Promise<Record<string, string>> {
  const { pk, sk } = headPlace(parseModel(model), version)
  const head = monitorHeadOf(await table.get(pk, sk))
  return { ...(head && checkpointBefore(head, changedSince)?.positions) }
}

/** The gate takes so many held-out rows; half as many again, since their share is met on average. */
function leastRowsOf({ split }: ModelVersion): number {
  return Math.ceil((1.5 * gateRows) / (split ?? splitRuleOf({})).heldOut)
}

function reasonOf({ stream, detector, severity }: Detail): string {
  return `${detector} found a change of ${severity} severity in ${stream}`
}

function numbersOf({ statistic, threshold, before, after }: Detail): RetrainingNumbers {
  return { statistic, threshold, meanBefore: before.mean, meanAfter: after.mean }
}
