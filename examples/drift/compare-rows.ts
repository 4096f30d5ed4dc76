import type { Matrix } from 'millrace/data'
import { compareBatch, makeBaseline } from 'millrace/drift'

/** Whether new rows look like those that a model was trained on, and why not. */
export function compareRows(trained: Matrix, arrived: Matrix, colors: readonly string[]) {
  const baseline = makeBaseline(trained, {
    featureNames: ['weight', 'color'],
    categories: [null, colors],
    seed: 1,
  })
  const { verdict, reasons } = compareBatch(baseline, arrived, { seed: 1 })
  return { verdict, reasons }
}
