import { matrix, type Matrix } from '../ml/data/index.ts'
import { isModelError } from '../ml/models/errors.ts'
import { defineJob, isMillraceError } from '../platform/ports/index.ts'
import type { BatchFormat } from './batch-shapes.ts'
import { featureRows, type BlockRows, type FeatureRows } from './block-rows.ts'
import { BoundedMap } from './bounded-map.ts'
import { openModel, type LoadedModel } from './model-artifact.ts'
import { resultWriter } from './result-writer.ts'

/** Some rows of a table, and the model that predicts them. Plain data, as a worker thread gets it. */
export interface Block {
  readonly model: {
    readonly sha256: string
    /** The model file, shared with the thread: it is not copied for each block. */
    readonly bytes: Uint8Array
  }
  readonly rows: BlockRows
  /** For each feature its column. */
  readonly columns: readonly number[]
  /** What the first row is called, in the source. */
  readonly firstRow: number
  readonly format: BatchFormat
}

export interface PredictedBlock {
  readonly rows: number
  /** Result rows one after the other. */
  readonly bytes: Uint8Array
  /** The bytes before each hundredth row: of rows 0, 100, … of the source. */
  readonly marks: readonly { readonly row: number; readonly offset: number }[]
  readonly failed: number
  readonly failures: readonly { readonly row: number; readonly message: string }[]
}

/** Rows between two marks. */
export const markedRows = 100

/** Rows that are predicted by one call of the model: their features stay in the cache. */
const rowsAtOnce = 500

/** Failures of a block that are told one by one. */
const toldFailures = 5

export const predictBlock = defineJob(
  import.meta.url,
  'predictBlock',
  ({ model: file, rows: given, columns, firstRow, format }: Block): PredictedBlock => {
    const model = opened(file)
    const rows = featureRows(model, given, columns)
    const writer = resultWriter(format, model, { count: rows.count, firstRow, markedRows })
    const failures: { row: number; message: string }[] = []
    let failed = 0
    for (let from = 0; from < rows.count; from += rowsAtOnce) {
      const to = Math.min(from + rowsAtOnce, rows.count)
      const answers = answersOf(model, rows, { from, to, isWeighed: format !== 'npy' })
      for (const [row, message] of answers.failures) {
        failed++
        const told = { row: firstRow + row, message: message.slice(0, 200) }
        if (failures.length < toldFailures) failures.push(told)
      }
      writer.add(answers)
    }
    return { rows: rows.count, ...writer.end(), failed, failures }
  },
)

/** The same bytes where all threads see them, so that they are not copied for each. */
export function sharedBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}

/** Of the models that this thread used last. */
const openModels = new BoundedMap<string, LoadedModel>(4)

function opened({ sha256, bytes }: Block['model']): LoadedModel {
  // A copy of its own, since not everything reads shared memory.
  const model = openModels.get(sha256) ?? openModel(new Uint8Array(bytes))
  openModels.set(sha256, model)
  return model
}

/** What the model says of some rows. */
export interface BlockAnswers {
  /** What it predicts, as it knows it; NaN of rows that failed. */
  readonly values: Float64Array
  /** Rows × classes, where they are asked for and the model has them. */
  readonly shares: Matrix | null
  /** By rows of the block. */
  readonly failures: ReadonlyMap<number, string>
}

interface Span {
  readonly from: number
  readonly to: number
  readonly isWeighed: boolean
}

/** Together; where a row does not fit the model, one by one. Both give the same bits. */
function answersOf(model: LoadedModel, rows: FeatureRows, span: Span): BlockAnswers {
  const { pipeline } = model
  const weigh = span.isWeighed && 'predictProba' in pipeline ? pipeline.predictProba : undefined
  try {
    const features = rows.features(span.from, span.to)
    const values = pipeline.predict(features)
    return { values, shares: weigh?.(features) ?? null, failures: new Map() }
  } catch (error) {
    if (!isRowFault(error)) throw error
    return answersOneByOne(model, rows, span)
  }
}

function answersOneByOne(
  { pipeline, classes }: LoadedModel,
  rows: FeatureRows,
  { from, to, isWeighed }: Span,
): BlockAnswers {
  const weigh = isWeighed && 'predictProbaRow' in pipeline ? pipeline.predictProbaRow : undefined
  const count = to - from
  const width = classes?.length ?? 0
  const values = new Float64Array(count).fill(NaN)
  const shares = weigh && matrix(new Float64Array(count * width), count, width)
  const failures = new Map<number, string>()
  for (let i = 0; i < count; i++) {
    try {
      const row = rows.features(from + i, from + i + 1).data
      const value = pipeline.predictRow(row)
      weigh?.(row, shares!.data.subarray(i * width, (i + 1) * width))
      values[i] = value
    } catch (error) {
      if (!isRowFault(error)) throw error
      failures.set(from + i, error.message)
    }
  }
  return { values, shares: shares ?? null, failures }
}

/** Values that the model cannot take, as beyond a double's range in its sums. */
function isRowFault(error: unknown): error is Error {
  return isModelError(error) || isMillraceError(error, 'InstancesInvalid')
}
