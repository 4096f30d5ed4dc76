import type { Dataset } from '../ml/data/index.ts'
import {
  ColumnTransformer,
  OneHotEncoder,
  SimpleImputer,
  type LearningTask,
  type OptionValue,
  type PipelineOf,
  type Trainer,
  type Transformer,
} from '../ml/models/index.ts'
import { hasMissing } from './dataset.ts'

/** What of a dataset a model cannot take as it is. */
export interface Peculiarities {
  /** Columns whose values are numbers of categories. */
  readonly categorical: readonly number[]
  /** Whether a feature is missing in some row, learned from or held out. */
  readonly missing: boolean
}

export function peculiaritiesOf({ features, categories = [] }: Dataset): Peculiarities {
  const categorical = categories.flatMap((labels, j) => (labels === null ? [] : [j]))
  return { categorical, missing: hasMissing(features) }
}

/**
 * The trainer for such features: one that takes categories and missing values is told of them; for
 * another, categories become a column each, and the column's median stands in for what is missing.
 * What was learned of that is part of the model.
 */
export function prepared<Task extends LearningTask>(
  trainer: Trainer<Task>,
  { categorical, missing }: Peculiarities,
): Trainer<Task> {
  const isTold = categorical.length > 0 && 'categoricalFeatures' in trainer.options
  const encodes = categorical.length > 0 && !isTold
  const fills = missing && trainer.create().acceptsMissing !== true
  if (!isTold && !encodes && !fills) return trainer
  return {
    ...trainer,
    create(hyperparameters = {}, seed, steps = []): PipelineOf[Task] {
      const own: Transformer[] = []
      if (encodes) {
        const encoder = {
          columns: categorical,
          step: new OneHotEncoder({ handleUnknown: 'ignore' }),
        }
        own.push(new ColumnTransformer([encoder], { remainder: 'passthrough' }))
      }
      if (fills) own.push(new SimpleImputer({ strategy: 'median' }))
      const told: Record<string, OptionValue> = isTold ? { categoricalFeatures: categorical } : {}
      return trainer.create({ ...told, ...hyperparameters }, seed, [...own, ...steps])
    },
  }
}
