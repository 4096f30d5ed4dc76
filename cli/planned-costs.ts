import { estimateBatch, type BatchEstimate } from '../tasks/planning/batch-plan.ts'
import { costOfEndpoint, costOfPredictions, costOfTraining } from '../tasks/planning/cost.ts'
import type { DatasetSketch } from '../tasks/planning/dataset-sketch.ts'
import type { TrainingPlan } from '../tasks/planning/training-plan.ts'

/** What something costs at list prices, in US dollars. */
export interface PlannedCost {
  readonly of: 'training' | 'predictions' | 'batch' | 'endpoint'
  readonly dollars: number
}

/** What one training and so many predictions cost, beside an endpoint that is always on. */
export function plannedCosts(
  sketch: DatasetSketch,
  { steps, candidates, refusals }: TrainingPlan,
  predictions: number,
): { batch: BatchEstimate; costs: PlannedCost[] } {
  const paid = [...steps, ...candidates].flatMap(({ place, seconds }) =>
    place === null ? [] : [{ place, seconds }],
  )
  const rowBytes = sketch.bytes / Math.max(1, sketch.rows)
  const batch = estimateBatch({ rows: predictions, rowBytes })
  return {
    batch,
    costs: [
      ...(refusals.length > 0
        ? []
        : [{ of: 'training' as const, dollars: costOfTraining(paid).total }]),
      { of: 'predictions', dollars: costOfPredictions({ predictions }).total },
      { of: 'batch', dollars: batch.cost.total },
      { of: 'endpoint', dollars: costOfEndpoint() },
    ],
  }
}
