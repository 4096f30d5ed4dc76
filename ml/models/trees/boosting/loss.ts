import { constantCurvature, encodeCurvatures, type CurvatureCode } from './curvature.ts'

/**
 * What boosting lessens: a loss of raw predictions, `outputs` numbers a row, number k of row i at
 * `raw[k · rows + i]`. Targets are quantities, or class numbers.
 */
export interface BoostingLoss {
  readonly outputs: number
  /** The raw prediction, one for each output, that suits all rows best. */
  baseline(targets: Float64Array): Float64Array
  /** Called before the gradients of an iteration are asked for, which all belong to this `raw`. */
  prepare(raw: Float64Array, rows: number): void
  /**
   * Writes for each row the first derivative by one output, and the second one, encoded. Answers with
   * what code.
   */
  derive(output: number, targets: Float64Array, raw: Float64Array, out: Float64Array): CurvatureCode
  mean(targets: Float64Array, raw: Float64Array): number
  /** The best step for a leaf's rows, where that is not -g / (h + l2). */
  leafStep?(targets: Float64Array, raw: Float64Array, rows: Int32Array): number
}

/** Half the squared difference. */
export const squaredError: BoostingLoss = {
  outputs: 1,
  baseline: (targets) => Float64Array.of(meanOf(targets)),
  prepare: () => undefined,
  derive(_, targets, raw, out) {
    let greatest = 0
    for (let i = 0; i < targets.length; i++) {
      const gradient = raw[i]! - targets[i]!
      greatest = Math.max(greatest, Math.abs(gradient))
      out[2 * i] = gradient
      out[2 * i + 1] = 1
    }
    const rounder = rounderFor(greatest, targets.length)
    for (let i = 0; i < targets.length; i++) out[2 * i] = out[2 * i]! + rounder - rounder
    return constantCurvature
  },
  mean(targets, raw) {
    let sum = 0
    for (let i = 0; i < targets.length; i++) sum += (raw[i]! - targets[i]!) ** 2
    return sum / (2 * targets.length)
  },
}

/** The absolute difference: trees follow its sign, and each leaf steps by the median of its rows. */
export const absoluteError: BoostingLoss = {
  outputs: 1,
  baseline: (targets) => Float64Array.of(median(targets.slice())),
  prepare: () => undefined,
  derive(_, targets, raw, out) {
    for (let i = 0; i < targets.length; i++) {
      out[2 * i] = raw[i]! > targets[i]! ? 1 : -1
      out[2 * i + 1] = 1
    }
    return constantCurvature
  },
  mean(targets, raw) {
    let sum = 0
    for (let i = 0; i < targets.length; i++) sum += Math.abs(raw[i]! - targets[i]!)
    return sum / targets.length
  },
  leafStep: (targets, raw, rows) => median(Float64Array.from(rows, (i) => targets[i]! - raw[i]!)),
}

/** The log loss of two classes; the raw prediction is the log odds of class 1. */
export const binaryLogLoss: BoostingLoss = {
  outputs: 1,
  baseline(targets) {
    const share = meanOf(targets)
    return Float64Array.of(Math.log(share / (1 - share)))
  },
  prepare: () => undefined,
  derive(_, targets, raw, out) {
    const rounder = rounderFor(1, targets.length)
    for (let i = 0; i < targets.length; i++) {
      const probability = 1 / (1 + Math.exp(-raw[i]!))
      out[2 * i] = probability - targets[i]! + rounder - rounder
      out[2 * i + 1] = probability * (1 - probability)
    }
    return encodeCurvatures(out)
  },
  mean(targets, raw) {
    let sum = 0
    for (let i = 0; i < targets.length; i++) {
      const score = raw[i]!
      sum += Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score))) - targets[i]! * score
    }
    return sum / targets.length
  },
}

/** The log loss of several classes, a raw prediction a class. */
export function multinomialLogLoss(classes: number): BoostingLoss {
  let probabilities = new Float64Array(0)
  return {
    outputs: classes,
    baseline(targets) {
      const counts = new Float64Array(classes)
      for (const target of targets) counts[target]!++
      // A class without a row, all of which are held out, has what scikit-learn gives it.
      const logs = counts.map((count) => Math.log(Math.max(count / targets.length, 2 ** -23)))
      const mean = meanOf(logs)
      return logs.map((log) => log - mean)
    },
    prepare(raw, rows) {
      if (probabilities.length !== raw.length) probabilities = new Float64Array(raw.length)
      for (let i = 0; i < rows; i++) {
        let greatest = -Infinity
        for (let at = i; at < raw.length; at += rows) greatest = Math.max(greatest, raw[at]!)
        let sum = 0
        for (let at = i; at < raw.length; at += rows) {
          const weight = Math.exp(raw[at]! - greatest)
          probabilities[at] = weight
          sum += weight
        }
        for (let at = i; at < raw.length; at += rows) probabilities[at] = probabilities[at]! / sum
      }
    },
    derive(output, targets, _, out) {
      const rounder = rounderFor(1, targets.length)
      for (let i = 0, at = output * targets.length; i < targets.length; i++, at++) {
        const probability = probabilities[at]!
        out[2 * i] = probability - (targets[i] === output ? 1 : 0) + rounder - rounder
        out[2 * i + 1] = probability * (1 - probability)
      }
      return encodeCurvatures(out)
    },
    mean(targets, raw) {
      const rows = targets.length
      let loss = 0
      for (let i = 0; i < rows; i++) {
        let greatest = -Infinity
        for (let at = i; at < raw.length; at += rows) greatest = Math.max(greatest, raw[at]!)
        let sum = 0
        for (let at = i; at < raw.length; at += rows) sum += Math.exp(raw[at]! - greatest)
        loss += greatest + Math.log(sum) - raw[targets[i]! * rows + i]!
      }
      return loss / rows
    },
  }
}

/**
 * A number that, added to gradients up to `greatest` and taken away again, rounds them to a grid so
 * coarse that every sum over the rows is exact: then neither the order of the rows nor the way along
 * the bins decides between splits that gain the same.
 */
function rounderFor(greatest: number, rows: number): number {
  const sumBits = Math.ceil(Math.log2(rows + 1)) + 1
  return greatest === 0 ? 0 : 1.5 * 2 ** (Math.ceil(Math.log2(greatest)) + sumBits - 1)
}

function meanOf(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

/** Sorts the values. */
function median(values: Float64Array): number {
  values.sort()
  const middle = values.length >> 1
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2
}
