import { csvRecord } from '../ml/data/index.ts'
import type { BatchFormat } from './batch-shapes.ts'
import { weighs, type LoadedModel } from './model-artifact.ts'
import type { BlockAnswers, PredictedBlock } from './predict-block.ts'

/** Writes answers, in the order of their rows, as rows of results. */
export interface ResultWriter {
  add(answers: BlockAnswers): void
  end(): Pick<PredictedBlock, 'bytes' | 'marks'>
}

interface Rows {
  readonly count: number
  /** What the first one is called. */
  readonly firstRow: number
  /** Rows between two marks. */
  readonly markedRows: number
}

export function resultWriter(format: BatchFormat, model: LoadedModel, rows: Rows): ResultWriter {
  const valueOf = valueReader(model)
  if (format === 'npy') return new NumberWriter(placeReader(model), rows)
  const width = weighs(model) ? (model.classes?.length ?? 0) : 0
  const nothing = new Array<null>(width).fill(null)
  const textOf: RowText =
    format === 'csv'
      ? (row, value, shares) => csvRecord([row, value, ...(shares ?? nothing)])
      : (row, value, shares) =>
          `${JSON.stringify({ row, prediction: value, ...(shares && { probabilities: shares }) })}\n`
  return new TextWriter(textOf, valueOf, rows)
}

type Value = number | string

/** What is predicted, by its name. */
function valueReader({ classes, pipeline }: LoadedModel): (value: number) => Value {
  if (classes === null || !('classes' in pipeline)) return (value) => value
  const names = new Map(Array.from(pipeline.classes, (value, place) => [value, classes[place]!]))
  return (value) => names.get(value)!
}

/** The same as a number: of text its place among the classes. */
function placeReader(model: LoadedModel): (value: number) => number {
  const valueOf = valueReader(model)
  const places = new Map(model.classes?.map((label, place) => [label, place]))
  return (value) => {
    const named = valueOf(value)
    return typeof named === 'number' ? named : places.get(named)!
  }
}

/** Doubles, whose offsets need no marks. */
class NumberWriter implements ResultWriter {
  readonly #valueOf: (value: number) => number
  readonly #values: Float64Array
  #count = 0

  constructor(valueOf: (value: number) => number, { count }: Rows) {
    this.#valueOf = valueOf
    this.#values = new Float64Array(count)
  }

  add({ values, failures }: BlockAnswers): void {
    for (let i = 0; i < values.length; i++, this.#count++) {
      this.#values[this.#count] = failures.has(this.#count) ? NaN : this.#valueOf(values[i]!)
    }
  }

  end(): Pick<PredictedBlock, 'bytes' | 'marks'> {
    return { bytes: littleEndian(this.#values), marks: [] }
  }
}

function littleEndian(values: Float64Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer)
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) Buffer.from(bytes.buffer).swap64()
  return bytes
}

type RowText = (row: number, value: Value | null, shares: readonly number[] | null) => string

class TextWriter implements ResultWriter {
  readonly #textOf: RowText
  readonly #valueOf: (value: number) => Value
  readonly #rows: Rows
  readonly #parts: Buffer[] = []
  readonly #marks: { row: number; offset: number }[] = []
  #text = ''
  #size = 0
  #count = 0

  constructor(textOf: RowText, valueOf: (value: number) => Value, rows: Rows) {
    this.#textOf = textOf
    this.#valueOf = valueOf
    this.#rows = rows
  }

  add({ values, shares, failures }: BlockAnswers): void {
    const { firstRow, markedRows } = this.#rows
    for (let i = 0; i < values.length; i++, this.#count++) {
      const row = firstRow + this.#count
      if (row % markedRows === 0) {
        this.#flush()
        this.#marks.push({ row, offset: this.#size })
      }
      const isFailed = failures.has(this.#count)
      const value = isFailed ? null : this.#valueOf(values[i]!)
      const ofRow = shares?.data.subarray(i * shares.cols, (i + 1) * shares.cols)
      this.#text += this.#textOf(row, value, isFailed || !ofRow ? null : [...ofRow])
    }
  }

  end(): Pick<PredictedBlock, 'bytes' | 'marks'> {
    this.#flush()
    return { bytes: Buffer.concat(this.#parts, this.#size), marks: this.#marks }
  }

  #flush(): void {
    if (this.#text === '') return
    const part = Buffer.from(this.#text)
    this.#parts.push(part)
    this.#size += part.length
    this.#text = ''
  }
}
