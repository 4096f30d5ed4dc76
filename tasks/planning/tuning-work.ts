import { searchSpaceOf } from '../../ml/models/index.ts'
import type { LearningTask } from '../shapes.ts'
import { searchRows } from '../tune.ts'
import { foldsOf } from '../tuning-folds.ts'
import { termOf, type CostTerm, type FitSize } from './cost-terms.ts'

/**
 * A term of the cost of all fits of a candidate: of each setting that is tried on the rows of the
 * search, of the best one on the folds of all rows, and of the last fit.
 *
 * @param tried settings, 1 where nothing is searched
 */
export function workOf(term: CostTerm, size: FitSize, tried: number): number {
  const of = (rows: number) => termOf(term, { ...size, rows: Math.max(1, rows) })
  const folded = (rows: number) => {
    const folds = foldsOf(rows)
    return folds * of((rows * (folds - 1)) / folds)
  }
  const searched = tried === 1 ? 0 : tried * folded(Math.min(size.rows, searchRows))
  return searched + folded(size.rows) + of(size.rows)
}

/** Settings that are tried: of a trainer with nothing to tune one. */
export function triedOf(algorithm: string, task: LearningTask, trials: number): number {
  return Object.keys(searchSpaceOf(algorithm, task)).length === 0 ? 1 : trials
}
