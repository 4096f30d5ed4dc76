import type { Matrix } from '../../data/matrix.ts'
import type { Classifier, FitOptions } from '../classifier.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import { SteppedModel } from './stepped-model.ts'
import type { PipelineOptions } from './steps.ts'

/**
 * A classifier and what is done to its features as one, learned from the same rows and kept in one
 * model file. `fit` throws RowCapExceeded besides what the steps and the classifier throw.
 *
 *     new Pipeline(new SVC(), { steps: [new SimpleImputer(), new StandardScaler()] }).fit(X, y)
 */
export class Pipeline extends SteppedModel<Classifier> implements Classifier {
  readonly task = 'classification'
  readonly predictProba?: (X: Matrix) => Matrix
  readonly predictProbaRow?: (row: Float64Array, out: Float64Array) => void

  constructor(model: Classifier, options: PipelineOptions = {}) {
    super(model, options)
    if (model.predictProba && model.predictProbaRow) {
      this.predictProba = (X) =>
        this.byBlocks(X, (transformed) => model.predictProba!(transformed).data)
      this.predictProbaRow = (row, out) => model.predictProbaRow!(this.transformRow(row), out)
    }
  }

  /** A pipeline of parts that have learned before. Throws ShapeMismatch where they do not fit. */
  static of(model: Classifier, steps: readonly Transformer[] = []): Pipeline {
    return new Pipeline(model).restoreSteps(steps)
  }

  get classes(): Float64Array {
    return this.model.classes
  }

  fit(X: Matrix, y: ArrayLike<number>, options: FitOptions = {}): this {
    return this.fitSteps(X, options, {
      fit: (transformed, own) => this.model.fit(transformed, y, own),
    })
  }

  decisionFunction(X: Matrix): Matrix {
    return this.byBlocks(X, (transformed) => this.model.decisionFunction(transformed).data)
  }
}
