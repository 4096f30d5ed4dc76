import { rowOf, type Matrix } from '../../data/matrix.ts'
import type { FitOptions } from '../classifier.ts'
import { ModelError } from '../errors.ts'
import type { Fold } from './splits.ts'

export interface Rows {
  readonly X: Matrix
  readonly y: Float64Array
  /** What each row counts, where it is told. */
  readonly weights?: Float64Array | undefined
}

/**
 * Throws OptionInvalid unless every fold has rows to learn from and others to judge by, all of them
 * numbers of one of `rows` rows.
 */
export function checkFoldRows(folds: readonly Fold[], rows: number): void {
  if (folds.length === 0) throw invalid('it is empty')
  const learns = new Int32Array(rows)
  folds.forEach(({ train, test }, fold) => {
    if (train.length === 0 || test.length === 0) throw invalid(`fold ${fold} has an empty side`)
    for (const side of [train, test]) {
      for (let k = 0; k < side.length; k++) {
        const row = side[k]!
        if (!(Number.isInteger(row) && row >= 0 && row < rows)) {
          throw invalid(`fold ${fold} has row ${row}, there are ${rows} rows: are they others?`)
        }
        if (side === train) learns[row] = fold + 1
        else if (learns[row] === fold + 1) {
          throw invalid(`fold ${fold} is judged by row ${row}, which it learns from`)
        }
      }
    }
  })
}

function invalid(what: string): ModelError {
  return new ModelError('OptionInvalid', `option folds: ${what}`)
}

/** The rows of one fold after another. What `of` answers is valid until the next call of either. */
export interface FoldSource {
  of(fold: Fold): { readonly train: Rows; readonly test: Rows }
  /** How a fit may treat the rows that it learns from. */
  readonly fitOptions: Pick<FitOptions, 'overwriteX' | 'copyTo'>
  /** Ends their use. */
  end(): void
}

/** Copies of them, all in the same memory: as much as X takes, however many folds there are. */
export class FoldRows implements FoldSource {
  /** They are copies, made anew for the next fit. */
  readonly fitOptions = { overwriteX: true }
  readonly #all: Rows
  readonly #data: Float64Array
  readonly #targets: Float64Array
  readonly #weights: Float64Array | undefined

  constructor(all: Rows, folds: readonly Fold[]) {
    const most = folds.reduce(
      (rows, { train, test }) => Math.max(rows, train.length + test.length),
      0,
    )
    this.#all = all
    this.#data = new Float64Array(most * all.X.cols)
    this.#targets = new Float64Array(most)
    this.#weights = all.weights && new Float64Array(most)
  }

  of({ train, test }: Fold): { train: Rows; test: Rows } {
    return { train: this.#copy(train, 0), test: this.#copy(test, train.length) }
  }

  end(): void {
    // The rows that were copied are as they were.
  }

  #copy(rows: Int32Array, from: number): Rows {
    const { X, y, weights: allWeights } = this.#all
    const { cols } = X
    const data = this.#data.subarray(from * cols, (from + rows.length) * cols)
    const targets = this.#targets.subarray(from, from + rows.length)
    const weights = this.#weights?.subarray(from, from + rows.length)
    rows.forEach((row, k) => {
      data.set(rowOf(X, row), k * cols)
      targets[k] = y[row]!
      if (weights) weights[k] = allWeights![row]!
    })
    return { X: { data, rows: rows.length, cols }, y: targets, weights }
  }
}
