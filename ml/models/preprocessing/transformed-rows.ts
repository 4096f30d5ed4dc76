import { rowOf, type Matrix } from '../../data/matrix.ts'
import { checkFeatures } from '../checks.ts'
import { Pace } from '../pace.ts'
import type { RowSource } from '../row-source.ts'
import type { Transformer, TransformerFitOptions } from './transformer.ts'

/** What a transformer makes of rows, made when it is asked for: no copy is held. */
export class TransformedRows implements RowSource {
  readonly rows: number
  readonly cols: number
  readonly #transformer: Transformer
  readonly #X: Matrix
  readonly #pace: Pace

  /** @param transformer one that has learned, and is not fitted again */
  constructor(transformer: Transformer, X: Matrix, options: TransformerFitOptions) {
    this.rows = X.rows
    this.cols = transformer.outputCount
    this.#transformer = transformer
    this.#X = X
    this.#pace = new Pace(options, X.rows * X.cols * this.cols)
  }

  writeRows(from: number, to: number, out: Float64Array): void {
    const { cols } = this
    const data = out.subarray(0, (to - from) * cols)
    for (let i = from; i < to; i++) {
      const place = (i - from) * cols
      this.#transformer.transformRow(rowOf(this.#X, i), data.subarray(place, place + cols))
    }
    checkFeatures({ data, rows: to - from, cols }, cols, false, from)
    this.#pace.advance((to - from) * this.#X.cols * cols)
  }
}
