import type { Matrix } from '../ml/data/index.ts'
import { bootstrapMeans, bootstrapRoots, bootstrapRows, logLosses } from '../ml/models/index.ts'
import type { MetricName } from './shapes.ts'
import { meanOf } from './silhouette.ts'

/** What a model said of the rows. */
export interface Answers {
  readonly predicted: Float64Array
  /** Rows × classes; undefined of a model that has none. */
  readonly probabilities: Matrix | undefined
  /** Of the rows drawn for them; null where they cannot be told. */
  readonly silhouettes: Float64Array | null
}

/** What two models are compared on. */
export interface ComparedRows {
  /** One or more. */
  readonly target: Float64Array
  /** What both can answer; empty where these are no classes. */
  readonly classes: Float64Array
}

export interface Compared {
  /** Null where the metric is not known of one of the two. */
  readonly scores: { readonly challenger: number; readonly champion: number } | null
  /** Challenger minus champion: 95% interval of the paired bootstrap. */
  readonly interval: [number, number] | null
}

/** Two models by one metric on the same rows. */
export function compareAnswers(
  metric: MetricName,
  rows: ComparedRows,
  by: { challenger: Answers; champion: Answers },
  seed: number,
): Compared {
  switch (metric) {
    case 'accuracy':
      return byMeans(by, ({ predicted }) =>
        predicted.map((answer, i) => (answer === rows.target[i] ? 1 : 0)),
      )
    case 'logLoss':
      return byMeans(by, ({ probabilities }) =>
        probabilities === undefined ? null : logLosses(rows.target, probabilities, rows.classes),
      )
    case 'mae':
      return byMeans(by, ({ predicted }) => errorsOf(predicted).map(Math.abs))
    case 'silhouette':
      return byMeans(by, ({ silhouettes }) => silhouettes)
    case 'rmse': {
      const [a, b] = [squaresOf(by.challenger), squaresOf(by.champion)]
      const scores = { challenger: Math.sqrt(meanOf(a)), champion: Math.sqrt(meanOf(b)) }
      return { scores, interval: bootstrapRoots(a, b, seed) }
    }
    case 'r2':
      return r2Compared()
    case 'balancedAccuracy':
    case 'macroF1':
      return byClasses(metric === 'macroF1' ? macroF1Of : balancedAccuracyOf)
    default:
      return metric satisfies never
  }

  function byMeans(
    { challenger, champion }: { challenger: Answers; champion: Answers },
    valuesOf: (answers: Answers) => Float64Array | null,
  ): Compared {
    const [a, b] = [valuesOf(challenger), valuesOf(champion)]
    if (a === null || b === null) return { scores: null, interval: null }
    const scores = { challenger: meanOf(a), champion: meanOf(b) }
    return { scores, interval: bootstrapMeans(a, b, seed) }
  }

  function errorsOf(predicted: Float64Array): Float64Array {
    return predicted.map((answer, i) => answer - rows.target[i]!)
  }

  function squaresOf({ predicted }: Answers): Float64Array {
    return errorsOf(predicted).map((error) => error ** 2)
  }

  function r2Compared(): Compared {
    const { target } = rows
    const all = Int32Array.from(target.keys())
    const [a, b] = [squaresOf(by.challenger), squaresOf(by.champion)]
    const total = spreadOf(target, all)
    // Without a spread there is none to explain.
    if (total === 0) return { scores: null, interval: null }
    const scores = {
      challenger: 1 - sumAt(a, all) / total,
      champion: 1 - sumAt(b, all) / total,
    }
    const interval = bootstrapRows(target.length, seed, (drawn) => {
      const spread = spreadOf(target, drawn)
      return spread === 0 ? 0 : (sumAt(b, drawn) - sumAt(a, drawn)) / spread
    })
    return { scores, interval }
  }

  function byClasses(measure: (counts: ClassCounts) => number): Compared {
    const places = new Map(Array.from(rows.classes, (value, place) => [value, place]))
    const placesOf = (values: Float64Array) =>
      Int32Array.from(values, (value) => places.get(value) ?? -1)
    const truth = placesOf(rows.target)
    const [a, b] = [placesOf(by.challenger.predicted), placesOf(by.champion.predicted)]
    const counts = new ClassCounts(rows.classes.length)
    const scoreOf = (answers: Int32Array, drawn: Int32Array) =>
      measure(counts.count(truth, answers, drawn))
    const all = Int32Array.from(truth.keys())
    const scores = { challenger: scoreOf(a, all), champion: scoreOf(b, all) }
    const difference = (drawn: Int32Array) => scoreOf(a, drawn) - scoreOf(b, drawn)
    return { scores, interval: bootstrapRows(truth.length, seed, difference) }
  }
}

/** Rows by class, as they are and as they were answered; counted anew by each `count`. */
class ClassCounts {
  readonly actual: Int32Array
  readonly answered: Int32Array
  readonly right: Int32Array

  constructor(classes: number) {
    this.actual = new Int32Array(classes)
    this.answered = new Int32Array(classes)
    this.right = new Int32Array(classes)
  }

  count(truth: Int32Array, answers: Int32Array, drawn: Int32Array): this {
    for (const counts of [this.actual, this.answered, this.right]) counts.fill(0)
    for (const row of drawn) {
      this.actual[truth[row]!]!++
      this.answered[answers[row]!]!++
      if (truth[row] === answers[row]) this.right[truth[row]!]!++
    }
    return this
  }
}

/** The mean recall of the classes that are among the rows. */
function balancedAccuracyOf({ actual, right }: ClassCounts): number {
  let [sum, present] = [0, 0]
  for (let c = 0; c < actual.length; c++) {
    if (actual[c] === 0) continue
    sum += right[c]! / actual[c]!
    present++
  }
  return sum / present
}

/** The mean F1 of all classes, of one that is neither there nor answered 0. */
function macroF1Of({ actual, answered, right }: ClassCounts): number {
  let sum = 0
  for (let c = 0; c < actual.length; c++) {
    const of = actual[c]! + answered[c]!
    if (of > 0) sum += (2 * right[c]!) / of
  }
  return sum / actual.length
}

function sumAt(values: Float64Array, rows: Int32Array): number {
  let sum = 0
  for (const row of rows) sum += values[row]!
  return sum
}

/** The sum of squares around the mean. */
function spreadOf(values: Float64Array, rows: Int32Array): number {
  const mean = sumAt(values, rows) / rows.length
  let sum = 0
  for (const row of rows) sum += (values[row]! - mean) ** 2
  return sum
}
