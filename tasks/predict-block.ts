import { csvRecord, parseCsv, type Matrix } from '../ml/data/index.ts'
import { defineJob, isMillraceError, MillraceError } from '../platform/ports/index.ts'
import { BoundedMap } from './bounded-map.ts'
import type { BatchFormat } from './batch-shapes.ts'
import { openModel, type Cell, type LoadedModel, type Predictions } from './model-artifact.ts'

/** Some rows of a dataset, and the model that predicts them. Plain data, as a worker thread gets it. */
export interface Block {
  readonly model: {
    readonly sha256: string
    /** The model file, shared with the thread: it is not copied for each block. */
    readonly bytes: Uint8Array
  }
  readonly rows:
    | { readonly format: 'npy'; readonly matrix: Matrix }
    | { readonly format: 'csv'; readonly bytes: Uint8Array; readonly numbers: readonly string[] }
  /** For each feature its column. */
  readonly columns: readonly number[]
  /** What the first row is called, in the dataset. */
  readonly firstRow: number
  readonly format: BatchFormat
}

export interface PredictedBlock {
  readonly rows: number
  /** Result rows one after the other. */
  readonly bytes: Uint8Array
  /** The bytes before each hundredth row: of rows 0, 100, … of the dataset. */
  readonly marks: readonly { readonly row: number; readonly offset: number }[]
  readonly failed: number
  readonly failures: readonly { readonly row: number; readonly message: string }[]
}

/** Rows between two marks. */
export const markedRows = 100

/** Rows that are predicted by one call of the model. */
const rowsAtOnce = 500

/** Failures of a block that are told one by one. */
const toldFailures = 5

export const predictBlock = defineJob(
  import.meta.url,
  'predictBlock',
  ({ model: file, rows, columns, firstRow, format }: Block): PredictedBlock => {
    const model = opened(file)
    const { count, row } = rows.format === 'npy' ? matrixRows(rows.matrix) : csvRows(rows)
    const writer = writers[format](model)
    const parts: Uint8Array[] = []
    const marks: { row: number; offset: number }[] = []
    const failures: { row: number; message: string }[] = []
    let failed = 0
    let size = 0
    for (let from = 0; from < count; from += rowsAtOnce) {
      const cells = Array.from({ length: Math.min(rowsAtOnce, count - from) }, (_, i) =>
        row(from + i, columns),
      )
      predicted(model, cells).forEach((prediction, i) => {
        const at = firstRow + from + i
        if (at % markedRows === 0) marks.push({ row: at, offset: size })
        if (prediction instanceof Error) {
          failed++
          const message = prediction.message.slice(0, 200)
          if (failures.length < toldFailures) failures.push({ row: at, message })
        }
        const part = writer(at, prediction instanceof Error ? null : prediction)
        parts.push(part)
        size += part.length
      })
    }
    return { rows: count, bytes: Buffer.concat(parts, size), marks, failed, failures }
  },
)

/** Of the models that this thread used last. */
const openModels = new BoundedMap<string, LoadedModel>(4)

function opened({ sha256, bytes }: Block['model']): LoadedModel {
  // A copy of its own, since not everything reads shared memory.
  const model = openModels.get(sha256) ?? openModel(new Uint8Array(bytes))
  openModels.set(sha256, model)
  return model
}

interface Rows {
  readonly count: number
  readonly row: (i: number, columns: readonly number[]) => Cell[]
}

function matrixRows({ data, rows, cols }: Matrix): Rows {
  return {
    count: rows,
    row: (i, columns) => columns.map((column) => numberOrNull(data[i * cols + column]!)),
  }
}

function csvRows({ bytes, numbers }: { bytes: Uint8Array; numbers: readonly string[] }): Rows {
  const table = parseCsv(bytes, { numbers: new Set(numbers) })
  return {
    count: table.rows,
    row: (i, columns) =>
      columns.map((at) => {
        const column = table.columns[at]!
        if (column.kind === 'number') return numberOrNull(column.values[i]!)
        return column.values[i] === '' ? null : column.values[i]!
      }),
  }
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

interface Prediction {
  readonly value: number | string
  readonly probabilities: readonly number[] | null
}

/** Together; where one row does not fit the model, one by one. */
function predicted(model: LoadedModel, rows: readonly Cell[][]): (Prediction | MillraceError)[] {
  try {
    return listOf(model.predict(rows))
  } catch (error) {
    if (!isMillraceError(error, 'InstancesInvalid')) throw error
    const [only] = rows
    if (rows.length === 1 && only !== undefined) {
      // Its place among the rows of this call says nothing.
      return [new MillraceError('InstancesInvalid', error.message.replace(/^row 0: /, ''))]
    }
    return rows.flatMap((row) => predicted(model, [row]))
  }
}

function listOf({ predictions, probabilities }: Predictions): Prediction[] {
  return predictions.map((value, i) => ({ value, probabilities: probabilities?.[i] ?? null }))
}

type Writer = (row: number, prediction: Prediction | null) => Uint8Array

const writers: Readonly<Record<BatchFormat, (model: LoadedModel) => Writer>> = {
  csv: ({ classes }) => {
    const nothing = new Array<null>(classes?.length ?? 0).fill(null)
    return (row, prediction) => {
      const { value = null, probabilities = null } = prediction ?? {}
      return Buffer.from(csvRecord([row, value, ...(probabilities ?? nothing)]))
    }
  },
  jsonl: () => (row, prediction) => {
    const { value = null, probabilities = null } = prediction ?? {}
    const line = { row, prediction: value, ...(probabilities === null ? {} : { probabilities }) }
    return Buffer.from(`${JSON.stringify(line)}\n`)
  },
  npy: ({ classes }) => {
    const places = new Map(classes?.map((label, place) => [label, place]))
    return (_, prediction) => {
      const bytes = Buffer.alloc(8)
      const value = prediction?.value ?? NaN
      // Text is told by its place among the classes.
      bytes.writeDoubleLE(typeof value === 'number' ? value : (places.get(value) ?? NaN))
      return bytes
    }
  },
}
