import { taskOf, type RangeSource } from '../../ml/data/index.ts'
import type { LearningTask } from '../shapes.ts'
import type { TrainingConfiguration } from '../training-configuration.ts'
import { classesOf } from './cost-terms.ts'
import { sampleCsv } from './csv-sample.ts'
import { sampleNpy } from './npy-sample.ts'
import type { FileSize } from './rates.ts'

/** What is known of a dataset by its size and a sample. */
export interface DatasetSketch extends FileSize {
  readonly task: LearningTask
  /** Columns once each category has one of its own, as far as the sample has them. */
  readonly encodedCols: number
}

/** Bytes that are looked at of a file. */
const sampleBytes = 2 ** 20

/**
 * The size of a dataset and what it is for, from a `.npy`'s header and some of its rows, or from the
 * first records of a CSV: a megabyte is read, however large the file. Rows of a CSV that is larger, and
 * classes, are estimates.
 *
 * @throws DataError where what is looked at is no dataset
 */
export async function sketchDataset(
  source: RangeSource & { readonly size: number },
  format: 'npy' | 'csv',
  { task: told, target }: Pick<TrainingConfiguration, 'task' | 'target'>,
): Promise<DatasetSketch> {
  const isClustering = told === 'clustering'
  const sample =
    format === 'npy'
      ? await sampleNpy(source, isClustering, sampleBytes)
      : await sampleCsv(source, isClustering ? null : target, sampleBytes)
  const { rows, cols, encodedCols } = sample
  const task = told ?? taskOf(sample)
  return {
    ...{ format, bytes: source.size, rows, cols, encodedCols, task },
    // Where a sample has one class, there are others to come.
    classes: classesOf(task, Math.max(2, distinct(sample.target))),
  }
}

/** Different values, missing ones apart. */
function distinct(target: Float64Array): number {
  return new Set(target.filter((value) => !Number.isNaN(value))).size
}
