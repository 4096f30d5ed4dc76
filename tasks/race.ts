import type { Dataset, Split } from '../ml/data/index.ts'
import type { Place } from '../platform/ports/index.ts'
import { candidatesFor, sizeToLearn } from './candidates.ts'
import type { DatasetForm } from './dataset.ts'
import { classesOf } from './planning/cost-terms.ts'
import { placedCandidates, type PlacedCandidates } from './planning/place-candidates.ts'
import type { LearningTask } from './shapes.ts'
import { defaultTrials } from './training-configuration.ts'

/** What decides which algorithms are raced, and where. */
export interface RaceRequest {
  readonly dataset: Dataset
  readonly split: Split
  readonly task: LearningTask
  readonly form: DatasetForm
  /** Bytes of the file. */
  readonly bytes: number
  /** Where candidates can be learned. */
  readonly places: readonly Place[]
}

/**
 * What is raced and where it is learned, what is left out because it could not learn from so much or
 * fits nowhere, and why nothing can be raced.
 */
export function raceOf(request: RaceRequest): PlacedCandidates {
  const { dataset, split, task, form, bytes, places } = request
  const { format, configuration } = form
  const { trials = defaultTrials } = configuration
  const learned = sizeToLearn(dataset, split)
  const asked = candidatesFor(configuration, task, learned)
  const size = {
    ...learned,
    ...{ bytes, format, task, trials },
    rows: dataset.features.rows,
    trainRows: learned.rows,
    classes: classesOf(task, learned.classes),
  }
  const placed = placedCandidates(size, asked.names, places)
  return {
    candidates: placed.candidates,
    leftOut: [...asked.leftOut, ...placed.leftOut],
    reasons: [...asked.reasons, ...placed.reasons],
  }
}
