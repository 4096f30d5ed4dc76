import type { Matrix } from '../../data/matrix.ts'
import { ModelError } from '../errors.ts'
import type { Parameters } from '../options.ts'
import { int32Tensor, readInt32, type LoadedTensors, type Tensors } from '../tensors.ts'
import {
  RowTransformer,
  type LearnedTransform,
  type Transformer,
  type TransformerFitOptions,
} from './transformer.ts'

/** Some columns and what is done to them; without a step they stay as they are. */
export interface ColumnPart {
  readonly columns: readonly number[]
  readonly step?: Transformer
}

export interface ColumnTransformerOptions {
  /** What becomes of columns that no part names. Default 'drop'. */
  remainder?: 'drop' | 'passthrough'
}

/** Parts that a file may have. */
const mostParts = 1000

interface LearnedPart {
  readonly columns: Int32Array
  /** Fitted; none where the columns stay as they are. */
  readonly step: Transformer | undefined
  readonly refusesMissing: boolean
  /** The first of the part's columns in the row that is given. */
  readonly offset: number
  /** Room for the part's columns of one row, and for what its step makes of them. */
  readonly taken: Float64Array
  readonly given: Float64Array
}

interface LearnedColumns extends LearnedTransform {
  readonly parts: readonly LearnedPart[]
}

/**
 * Different transformers for different columns, side by side in the order of the parts, then what is
 * left over (`remainder`). With parts without a step it selects and orders columns.
 *
 *     new ColumnTransformer([
 *       { columns: [0], step: new FunctionTransformer({ func: 'log' }) },
 *       { columns: [2, 3], step: new OneHotEncoder() },
 *     ])
 *
 * A missing value is refused, passed on or filled by the part that its column is in. The constructor
 * throws OptionInvalid; `fit` ShapeMismatch for a column that X has not.
 */
export class ColumnTransformer extends RowTransformer<LearnedColumns> {
  readonly kind = 'column-transformer'
  override readonly missing: Transformer['missing']
  readonly #parts: readonly ColumnPart[]
  readonly #remainder: 'drop' | 'passthrough'

  constructor(parts: readonly ColumnPart[], options: ColumnTransformerOptions = {}) {
    super()
    const { remainder = 'drop', ...others } = options
    const isKnown = remainder === 'drop' || remainder === 'passthrough'
    if (!isKnown || Object.keys(others).length > 0) {
      throw invalidOption("it takes: remainder ('drop' or 'passthrough')")
    }
    if (parts.length === 0 && remainder === 'drop') throw invalidOption('it needs a part')
    for (const { columns } of parts) {
      if (columns.length === 0 || !columns.every((j) => Number.isSafeInteger(j) && j >= 0)) {
        throw invalidOption('columns are a list of whole numbers from 0')
      }
    }
    this.#parts = parts
    this.#remainder = remainder
    const kinds = new Set(parts.map(({ step }) => step?.missing ?? 'passed'))
    // A column that is dropped is missed by no one.
    kinds.add(remainder === 'drop' ? 'filled' : 'passed')
    this.missing = missingOf(kinds)
  }

  /** @param load makes the transformer of this kind from its tensors and parameters */
  static fromTensors(
    tensors: LoadedTensors,
    parameters: Parameters,
    load: (kind: string, tensors: LoadedTensors, parameters: Parameters) => Transformer,
  ): ColumnTransformer {
    const range = { from: 1, to: 2 ** 31 - 1 }
    const inputCount = readInt32(tensors, 'inputCount', range).data[0]!
    const { remainder, parts: count } = parameters
    if (!Number.isInteger(count) || Number(count) > mostParts) {
      throw new ModelError('ModelFileInvalid', `column-transformer: it has ${String(count)} parts`)
    }
    const used = new Set(['inputCount'])
    const parts = Array.from({ length: Number(count) }, (_, p): ColumnPart => {
      const columnRange = { from: 0, to: inputCount - 1 }
      const columns = [...readInt32(tensors, `${p}.columns`, columnRange, undefined).data]
      used.add(`${p}.columns`)
      const { kind, ...options } = Object.fromEntries(
        unprefixed(Object.entries(parameters), `${p}.`),
      )
      if (kind === undefined) return { columns }
      const ofStep = unprefixed([...tensors], `${p}.step.`)
      for (const [name] of ofStep) used.add(`${p}.step.${name}`)
      return { columns, step: load(String(kind), new Map(ofStep), options) }
    })
    if (tensors.has('rest.columns')) {
      parts.push({ columns: readRest(tensors, inputCount, parts) })
      used.add('rest.columns')
    }
    const stray = [...tensors.keys()].find((name) => !used.has(name))
    if (stray !== undefined) {
      throw new ModelError('ModelFileInvalid', `unknown tensor ${JSON.stringify(stray)}`)
    }
    const own = parts.slice(0, Number(count))
    const transformer = new ColumnTransformer(own, { remainder: remainder as 'drop' })
    return transformer.restore(layOut(parts, inputCount))
  }

  get parameters(): Parameters {
    const parts = this.#parts.flatMap(({ step }, p) =>
      step
        ? Object.entries({ kind: step.kind, ...step.parameters }).map(
            ([name, value]) => [`${p}.${name}`, value] as const,
          )
        : [],
    )
    return { remainder: this.#remainder, parts: this.#parts.length, ...Object.fromEntries(parts) }
  }

  transformRow(row: Float64Array, out: Float64Array): void {
    for (const { columns, step, refusesMissing, offset, taken, given } of this.learned.parts) {
      for (let k = 0; k < columns.length; k++) {
        const value = row[columns[k]!]!
        if (refusesMissing && value !== value) throw missingIn(columns[k]!, step!)
        taken[k] = value
      }
      step?.transformRow(taken, given)
      out.set(given, offset)
    }
  }

  unfitted(): ColumnTransformer {
    const parts = this.#parts.map(({ columns, step }) =>
      step ? { columns, step: step.unfitted() } : { columns },
    )
    return new ColumnTransformer(parts, { remainder: this.#remainder })
  }

  toTensors(): Tensors {
    const { parts, inputCount } = this.learned
    const tensors: Tensors = { inputCount: int32Tensor(Int32Array.of(inputCount)) }
    parts.forEach(({ columns, step }, p) => {
      const name = p < this.#parts.length ? `${p}.columns` : 'rest.columns'
      tensors[name] = int32Tensor(columns, columns.length)
      for (const [name, tensor] of Object.entries(step?.toTensors() ?? {})) {
        tensors[`${p}.step.${name}`] = tensor
      }
    })
    return tensors
  }

  protected learn(X: Matrix, options: TransformerFitOptions): LearnedColumns {
    const beyond = this.#parts.flatMap(({ columns }) => columns).find((j) => j >= X.cols)
    if (beyond !== undefined) {
      throw new ModelError(
        'ShapeMismatch',
        `ColumnTransformer: there is no column ${beyond}, X has ${X.cols}`,
      )
    }
    const { signal, onProgress } = options
    const parts = this.#parts.map(({ columns, step }, p): ColumnPart => {
      if (!step) return { columns }
      const gap = step.missing === 'refused' ? columnWithGap(X, columns) : undefined
      if (gap !== undefined) throw missingIn(gap, step)
      const progress = { fraction: p / this.#parts.length, iterations: p }
      const onPart = onProgress && (() => onProgress(progress))
      const own = { signal, onProgress: onPart }
      return { columns, step: step.unfitted().fit(takeColumns(X, columns), own) }
    })
    const rest = this.#remainder === 'drop' ? [] : unnamedColumns(parts, X.cols)
    return layOut(rest.length > 0 ? [...parts, { columns: rest }] : parts, X.cols)
  }
}

/** Where each part stands; all steps are fitted. */
function layOut(parts: readonly ColumnPart[], inputCount: number): LearnedColumns {
  let outputCount = 0
  const placed = parts.map(({ columns, step }): LearnedPart => {
    if (step && step.inputCount !== columns.length) {
      throw new ModelError(
        'ShapeMismatch',
        `the step ${step.kind} takes ${step.inputCount} columns, its part has ${columns.length}`,
      )
    }
    const offset = outputCount
    const width = step ? step.outputCount : columns.length
    outputCount += width
    const taken = new Float64Array(columns.length)
    const given = step ? new Float64Array(width) : taken
    const refusesMissing = step?.missing === 'refused'
    return { columns: Int32Array.from(columns), step, refusesMissing, offset, taken, given }
  })
  return { inputCount, outputCount, parts: placed }
}

function unnamedColumns(parts: readonly ColumnPart[], inputCount: number): number[] {
  const named = new Set(parts.flatMap(({ columns }) => columns))
  return Array.from({ length: inputCount }, (_, j) => j).filter((j) => !named.has(j))
}

/** The columns of no part, as a file has them. Throws ModelFileInvalid unless they are just those. */
function readRest(
  tensors: LoadedTensors,
  inputCount: number,
  parts: readonly ColumnPart[],
): number[] {
  const range = { from: 0, to: inputCount - 1 }
  const rest = [...readInt32(tensors, 'rest.columns', range, undefined).data]
  const named = new Set(parts.flatMap(({ columns }) => columns))
  const areRight =
    rest.length + named.size === inputCount &&
    rest.every((j, k) => !named.has(j) && (k === 0 || j > rest[k - 1]!))
  if (!areRight) {
    throw new ModelError('ModelFileInvalid', 'tensor rest.columns is not what no part names')
  }
  return rest
}

function takeColumns({ data, rows, cols }: Matrix, columns: readonly number[]): Matrix {
  const taken = new Float64Array(rows * columns.length)
  for (let i = 0, at = 0; i < rows; i++) {
    for (const j of columns) taken[at++] = data[i * cols + j]!
  }
  return { data: taken, rows, cols: columns.length }
}

/** What becomes of missing values where the parts are of these kinds. */
function missingOf(kinds: ReadonlySet<Transformer['missing']>): Transformer['missing'] {
  if (kinds.size === 1) return [...kinds][0]!
  return kinds.has('refused') || kinds.has('partly-refused') ? 'partly-refused' : 'passed-or-filled'
}

/** The first of these columns in which a value is missing. */
function columnWithGap({ data, cols }: Matrix, columns: readonly number[]): number | undefined {
  return columns.find((j) => {
    for (let at = j; at < data.length; at += cols) if (Number.isNaN(data[at])) return true
    return false
  })
}

function missingIn(column: number, { kind }: Transformer): ModelError {
  return new ModelError(
    'ValueNotFinite',
    `column ${column} is NaN, which ${kind} cannot take: it must be a finite number`,
  )
}

function unprefixed<Value>(
  entries: readonly (readonly [string, Value])[],
  prefix: string,
): [string, Value][] {
  return entries
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value])
}

function invalidOption(what: string): ModelError {
  return new ModelError('OptionInvalid', `ColumnTransformer: ${what}`)
}
