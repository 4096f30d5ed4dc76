import * as z from 'zod'
import { millraceEvent } from '../events/index.ts'
import type { Ports } from '../platform/ports/index.ts'
import { formatModel } from './names.ts'
import { createRetrainingDecisions } from './retraining-decisions.ts'
import { createRetrainingLease } from './retraining-lease.ts'
import {
  retrainingEnding,
  retrainingRun,
  type RetrainingEnding,
  type RetrainingRun,
} from './retraining-shapes.ts'
import { createShadowRows } from './shadow-rows.ts'
import { defineTask } from './task.ts'

/** Notes what a retraining came to, leaves its place to the next one, and tells the bus. */
export const endRetraining = defineTask({
  name: 'EndRetraining',
  input: z.object({ run: retrainingRun, ending: retrainingEnding }),
  output: retrainingEnding.extend({
    model: z.string(),
    version: z.number().int(),
    detection: z.string(),
  }),
  async run({ run, ending }, ports) {
    await tellEnd(ports, { ...run, step: 'ended' }, ending)
    const { version, detection } = run
    return { ...ending, model: formatModel(run.model), version, detection }
  },
})

/** Done again it tells again, and changes nothing. */
export async function tellEnd(
  {
    table,
    executions,
    clock,
    bus,
    metrics,
  }: Pick<Ports, 'table' | 'executions' | 'clock' | 'bus' | 'metrics'>,
  told: Pick<RetrainingRun, 'model' | 'execution' | 'detection'> & {
    readonly step: 'ended' | 'failed'
  },
  ending: RetrainingEnding,
): Promise<void> {
  const { model, execution, detection, step } = told
  const { outcome, reason, numbers } = ending
  const decision = { execution, detection, step, outcome, reason, numbers }
  await createRetrainingDecisions(table, clock).record(model, decision)
  await createShadowRows(table).drop(model, execution)
  await createRetrainingLease(table, executions, clock).free(model, execution)
  const about = { model: formatModel(model), execution, detection }
  await bus.publish([millraceEvent('Retraining Ended', { ...about, ...ending })])
  metrics.record('RetrainingsEnded', 1, 'Count', { outcome })
}
