import * as z from 'zod'
import { secondsToWait } from './drift-policy.ts'
import { createLabelledRows } from './labelled-rows.ts'
import { createRetrainingDecisions } from './retraining-decisions.ts'
import { labelProgress, retrainingEnding, retrainingRun } from './retraining-shapes.ts'
import { standingOf } from './retraining-standing.ts'
import { defineTask } from './task.ts'

/** Looks whether enough rows since the change are labelled, or whether to wait for more. */
export const countLabels = defineTask({
  name: 'CountLabels',
  input: z.object({ run: retrainingRun, progress: labelProgress }),
  output: z.object({
    isEnough: z.boolean(),
    progress: labelProgress,
    waitSeconds: z.number().int(),
    ending: retrainingEnding.nullable(),
  }),
  async run({ run, progress: before }, ports, { signal }) {
    const { table, clock } = ports
    const { model, version, execution, detection } = run
    const standing = await standingOf(ports, run, { champion: version, challenger: null })
    const { policy } = standing
    const answer = { isEnough: false, progress: before, waitSeconds: policy.pollSeconds }
    if (standing.ending !== null) return { ...answer, ending: standing.ending }

    const needed = Math.max(policy.minLabelledRows, run.leastRows)
    const labelled = createLabelledRows(ports, run)
    const { isBehind, ...progress } = await labelled.count(before, needed, signal)
    const elapsed = (clock.now() - Date.parse(run.claimedAt)) / 1000
    const numbers = { labelledRows: progress.rows, neededRows: needed, secondsWaited: elapsed }
    if (!isBehind && progress.rows >= needed) {
      await createRetrainingDecisions(table, clock).record(model, {
        execution,
        detection,
        step: 'labelled',
        outcome: 'enough',
        reason: `${progress.rows} rows since the change are labelled, of ${needed} that it takes`,
        numbers,
      })
      return { ...answer, progress, isEnough: true, ending: null }
    }
    if (!isBehind && elapsed >= policy.patienceSeconds) {
      const reason = `${progress.rows} of ${needed} rows were labelled in ${policy.patienceSeconds} seconds`
      const ending = {
        outcome: 'unlabelled' as const,
        reason,
        challenger: null,
        champion: version,
        numbers,
      }
      return { ...answer, progress, ending }
    }
    const waitSeconds = isBehind ? 1 : secondsToWait(policy, elapsed, policy.patienceSeconds)
    return { ...answer, progress, waitSeconds, ending: null }
  },
})
