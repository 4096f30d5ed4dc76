import {
  keepRows,
  npyBlocks,
  readNpyHeader,
  readNpyMatrix,
  rowOf,
  takeValues,
  type Dataset,
  type Matrix,
} from '../ml/data/index.ts'
import {
  datasetOf,
  learningTaskOf,
  readDataset,
  splitDataset,
  splitRuleOf,
  type DatasetForm,
  type UploadContent,
} from './dataset.ts'
import { peculiaritiesOf, type Peculiarities } from './preparation.ts'
import { readRemote, type LentSource } from './remote-source.ts'
import type { LearningTask } from './shapes.ts'

/** The rows that a training learns from, in memory of its own, and what it is to know of all rows. */
export interface TrainingRows {
  readonly features: Matrix
  readonly target: Float64Array
  readonly task: LearningTask
  readonly peculiarities: Peculiarities
  readonly names: Omit<Dataset, 'features' | 'target'>
}

/**
 * The training rows of an upload alone. Of a `.npy` whose rows come one after the other the others are
 * never held; else the memory is that of all rows. Takes the memory of values.
 *
 * @throws DataError when it is no dataset.
 */
export async function readTrainingRows(
  content: UploadContent,
  form: DatasetForm,
): Promise<TrainingRows> {
  if (content.source && form.format === 'npy') {
    return readRemote(content.source, (source) => readNpy(source, form))
  }
  return learnedOf((await readDataset(content, form)).dataset, form)
}

async function readNpy(source: LentSource, form: DatasetForm): Promise<TrainingRows> {
  const { fortranOrder, shape, itemSize } = await readNpyHeader(source)
  const [rows = 0, cols = 0] = shape
  const isByRows = shape.length === 2 && !fortranOrder && cols * itemSize <= source.blockBytes
  if (isByRows) return readByRows(source, rows, cols, form)
  return learnedOf(datasetOf(await readNpyMatrix(source, source.blockBytes), form), form)
}

async function readByRows(
  source: LentSource,
  rows: number,
  cols: number,
  form: DatasetForm,
): Promise<TrainingRows> {
  const { configuration } = form
  const rule = splitRuleOf(configuration)
  const empty = { data: new Float64Array(0), rows: 0, cols }
  const none = learnedOf(datasetOf(empty, form), form)
  const width = none.features.cols
  // What is not written to takes no memory.
  const data = new Float64Array(rows * width)
  const target = new Float64Array(rows)
  const targets = new Float64Array(rows)
  let room: Float64Array | undefined
  let [read, learned, missing] = [0, 0, false]
  for await (const block of npyBlocks(source, source.blockBytes)) {
    room ??= new Float64Array(block.data.length)
    const own = room.subarray(0, block.data.length)
    own.set(block.data)
    const dataset = datasetOf({ ...block, data: own }, form)
    missing ||= peculiaritiesOf(dataset).missing
    targets.set(dataset.target, read)
    read += block.rows
    for (const row of splitDataset(dataset, rule).train) {
      data.set(rowOf(dataset.features, row), learned * width)
      target[learned++] = dataset.target[row]!
    }
  }
  return {
    features: { data: data.subarray(0, learned * width), rows: learned, cols: width },
    target: target.subarray(0, learned),
    task: learningTaskOf({ ...none.names, ...none, target: targets }, configuration),
    peculiarities: { ...none.peculiarities, missing },
    names: none.names,
  }
}

function learnedOf(dataset: Dataset, { configuration }: DatasetForm): TrainingRows {
  const { features, target, ...names } = dataset
  const { train } = splitDataset(dataset, splitRuleOf(configuration))
  const task = learningTaskOf(dataset, configuration)
  const peculiarities = peculiaritiesOf(dataset)
  return {
    features: keepRows(features, train),
    target: takeValues(target, train),
    task,
    peculiarities,
    names,
  }
}
