import type { Matrix } from '../../data/matrix.ts'
import { checkFollowOptions, type UnweightedFitOptions } from '../classifier.ts'
import type { Clusterer } from '../clusterer.ts'
import type { Transformer } from '../preprocessing/transformer.ts'
import { SteppedModel } from './stepped-model.ts'

/**
 * A clusterer and what is done to its features as one, learned from the same rows and kept in one
 * model file. `fit` throws RowCapExceeded besides what the steps and the clusterer throw.
 *
 *     new ClusteringPipeline(new KMeans({ nClusters: 5 }), { scale: true }).fit(X)
 */
export class ClusteringPipeline extends SteppedModel<Clusterer> implements Clusterer {
  readonly task = 'clustering'

  /** A pipeline of parts that have learned before. Throws ShapeMismatch where they do not fit. */
  static of(model: Clusterer, steps: readonly Transformer[] = []): ClusteringPipeline {
    return new ClusteringPipeline(model).restoreSteps(steps)
  }

  get clusterCount(): number {
    return this.model.clusterCount
  }

  fit(X: Matrix, options: UnweightedFitOptions = {}): this {
    checkFollowOptions(this.algorithm, options)
    const { model } = this
    return this.fitSteps(X, options, {
      fit: (transformed, own) => model.fit(transformed, own),
      fitRows: model.fitRows && ((rows, own) => model.fitRows!(rows, own)),
    })
  }
}
