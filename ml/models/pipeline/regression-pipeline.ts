import type { Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import type { Regressor } from '../regressor.ts'
import { SteppedModel } from './stepped-model.ts'

/**
 * A regressor and what is done to its features as one, learned from the same rows and kept in one
 * model file. `fit` throws RowCapExceeded besides what the steps and the regressor throw.
 *
 *     new RegressionPipeline(new Ridge(), { steps: [new StandardScaler()] }).fit(X, y)
 */
export class RegressionPipeline extends SteppedModel<Regressor> implements Regressor {
  readonly task = 'regression'

  /** A pipeline of parts that have learned before. Throws ShapeMismatch where they do not fit. */
  static of(model: Regressor, steps: readonly Transformer[] = []): RegressionPipeline {
    return new RegressionPipeline(model).restoreSteps(steps)
  }

  fit(X: Matrix, y: ArrayLike<number>, options: FitOptions = {}): this {
    return this.fitSteps(X, options, {
      fit: (transformed, own) => this.model.fit(transformed, y, own),
    })
  }
}
