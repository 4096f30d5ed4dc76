import { readCommonState, WarningDetectorBase } from './detector-base.ts'
import { nonFiniteChoices, type NonFinite } from './detector.ts'
import type { DriftErrorName } from './errors.ts'
import { requireBoolean, requireNumber, requireOneOf, requireRecord } from './validation.ts'

export interface HDDM_AOptions {
  /** The significance of a change, in (0, 1): smaller alarms less. @default 0.001 */
  readonly driftConfidence?: number
  /** The significance of a warning, in (0, 1). @default 0.005 */
  readonly warningConfidence?: number
  /** Whether a mean that falls is a change, too. @default false */
  readonly twoSidedTest?: boolean
  /** What to do with anything outside [0, 1]. @default 'throw' */
  readonly nonFinite?: NonFinite
}

/** A detector as plain JSON. Of the values from the start: all, and those up to either cut. */
export interface HDDM_AState {
  readonly detector: 'HDDM_A'
  readonly version: 1
  readonly options: Required<HDDM_AOptions>
  readonly n: number
  readonly mean: number
  readonly lowCount: number
  readonly lowMean: number
  readonly highCount: number
  readonly highMean: number
  readonly driftDetected: boolean
  readonly warningDetected: boolean
  readonly skipped: number
}

/**
 * HDDM_A (Hoeffding's drift detection method, averages): a change in the mean of values in [0, 1],
 * such as errors (1 wrong, 0 right), losses or probabilities, with no assumption on how they are
 * distributed.
 *
 * It keeps the mean of all values, and the mean at the moment when the upper end of its confidence
 * interval (Hoeffding's inequality) was lowest: the best cut between what was before and what came
 * after. When the mean of all lies above the mean up to that cut by more than chance allows, at
 * `driftConfidence`, the mean has risen. It watches for a rise; with `twoSidedTest` the mirrored cut
 * watches for a fall, too. Values of another scale are to be brought into [0, 1] first.
 *
 * ```ts
 * import { HDDM_A } from 'millrace/drift'
 *
 * const detector = new HDDM_A()
 * for (let i = 0; i < 1000; i++) {
 *   const loss = i < 500 ? (i % 5) / 10 : (i % 5) / 5
 *   if (detector.update(loss)) console.log(`change detected at ${i}`)
 * }
 * // change detected at 614
 * ```
 *
 * Detections, warnings and state equal river 0.26.1's `HDDMA`.
 *
 * I. Frías-Blanco and others: Online and Non-Parametric Drift Detection Methods Based on Hoeffding's
 * Bounds. IEEE Transactions on Knowledge and Data Engineering 27 (2015), 810-823.
 */
export class HDDM_A extends WarningDetectorBase<Required<HDDM_AOptions>> {
  readonly #cutLogarithm: number
  readonly #driftLogarithm: number
  readonly #warningLogarithm: number
  #n = 0
  #mean = 0
  #lowCount = 0
  #lowMean = 0
  #highCount = 0
  #highMean = 0

  /** Throws DriftOptionsInvalid for an option that is unknown or outside its range. */
  constructor(options: HDDM_AOptions = {}) {
    super(readOptions('DriftOptionsInvalid', 'HDDM_A options', options))
    this.#cutLogarithm = Math.log(1 / this.options.driftConfidence)
    this.#driftLogarithm = Math.log(2 / this.options.driftConfidence)
    this.#warningLogarithm = Math.log(2 / this.options.warningConfidence)
  }

  /** Goes on exactly where `state()` was taken. Throws DriftStateInvalid for anything else. */
  static from(state: unknown): HDDM_A {
    const saved = readState(state)
    const detector = new HDDM_A(saved.options)
    detector.#n = saved.n
    detector.#mean = saved.mean
    detector.#lowCount = saved.lowCount
    detector.#lowMean = saved.lowMean
    detector.#highCount = saved.highCount
    detector.#highMean = saved.highMean
    detector.hasDetected = saved.driftDetected
    detector.hasWarned = saved.warningDetected
    detector.skippedCount = saved.skipped
    return detector
  }

  get estimation(): number {
    return this.#mean
  }

  get width(): number {
    return this.#n
  }

  /** Throws DriftValueInvalid, and changes nothing, for a value that `nonFinite` refuses. */
  update(value: number): boolean {
    // Written so that NaN, which compares false with everything, is refused too.
    if (!(value >= 0 && value <= 1)) return this.refuse('HDDM_A takes numbers from 0 to 1', value)
    if (this.hasDetected) this.restart()

    this.#n++
    this.#mean += (1 / this.#n) * (value - this.#mean)
    this.#moveCuts()

    const drift = this.#driftLogarithm
    const warning = this.#warningLogarithm
    const rise = this.#mean - this.#lowMean
    this.hasDetected = this.#exceeds(rise, this.#lowCount, drift)
    this.hasWarned = !this.hasDetected && this.#exceeds(rise, this.#lowCount, warning)
    if (this.options.twoSidedTest) {
      const fall = this.#highMean - this.#mean
      if (this.#exceeds(fall, this.#highCount, drift)) this.hasDetected = true
      else if (this.#exceeds(fall, this.#highCount, warning)) this.hasWarned = true
    }
    return this.hasDetected
  }

  state(): HDDM_AState {
    return {
      detector: 'HDDM_A',
      version: 1,
      options: this.options,
      n: this.#n,
      mean: this.#mean,
      lowCount: this.#lowCount,
      lowMean: this.#lowMean,
      highCount: this.#highCount,
      highMean: this.#highMean,
      driftDetected: this.driftDetected,
      warningDetected: this.warningDetected,
      skipped: this.skipped,
    }
  }

  /** Moves a cut to the newest value where the end of its confidence interval is beyond. */
  #moveCuts(): void {
    const n = this.#n
    const mean = this.#mean
    const bound = this.#cutBound(n)
    if (n === 1 || this.#lowMean + this.#cutBound(this.#lowCount) >= mean + bound) {
      this.#lowCount = n
      this.#lowMean = mean
    }
    if (n === 1 || this.#highMean - this.#cutBound(this.#highCount) <= mean - bound) {
      this.#highCount = n
      this.#highMean = mean
    }
  }

  #cutBound(n: number): number {
    return Math.sqrt((1 / (2 * n)) * this.#cutLogarithm)
  }

  /** Whether the mean's difference from that of the first `count` values is beyond chance. */
  #exceeds(difference: number, count: number, logarithm: number): boolean {
    if (count === this.#n) return false
    const m = ((this.#n - count) / count) * (1 / this.#n)
    return difference >= Math.sqrt((m / 2) * logarithm)
  }

  protected override restart(): void {
    super.restart()
    this.#n = 0
    this.#mean = 0
    this.#lowCount = 0
    this.#lowMean = 0
    this.#highCount = 0
    this.#highMean = 0
  }
}

const optionNames = ['driftConfidence', 'warningConfidence', 'twoSidedTest', 'nonFinite']

function readOptions(
  error: DriftErrorName,
  label: string,
  options: unknown,
): Required<HDDM_AOptions> {
  const {
    driftConfidence = 0.001,
    warningConfidence = 0.005,
    twoSidedTest = false,
    nonFinite = 'throw',
  } = requireRecord(error, label, options, optionNames)
  const confidence = { least: 1e-300, below: 1 }
  return {
    driftConfidence: requireNumber(error, 'driftConfidence', driftConfidence, confidence),
    warningConfidence: requireNumber(error, 'warningConfidence', warningConfidence, confidence),
    twoSidedTest: requireBoolean(error, 'twoSidedTest', twoSidedTest),
    nonFinite: requireOneOf(error, 'nonFinite', nonFinite, nonFiniteChoices),
  }
}

const stateNames = [
  'detector',
  'version',
  'options',
  'n',
  'mean',
  'lowCount',
  'lowMean',
  'highCount',
  'highMean',
  'driftDetected',
  'warningDetected',
  'skipped',
]

function readState(state: unknown): HDDM_AState {
  const error = 'DriftStateInvalid'
  const saved = requireRecord(error, 'an HDDM_A state', state, stateNames)
  const common = readCommonState(saved, 'HDDM_A')
  const n = requireNumber(error, 'n', saved.n, { least: 0, integer: true })
  const count = (name: 'lowCount' | 'highCount') =>
    requireNumber(error, name, saved[name], { least: Math.min(n, 1), most: n, integer: true })
  const mean = (name: 'mean' | 'lowMean' | 'highMean') =>
    requireNumber(error, name, saved[name], { least: 0, most: n === 0 ? 0 : 1 })
  return {
    ...common,
    options: readOptions(error, 'options', saved.options),
    n,
    mean: mean('mean'),
    lowCount: count('lowCount'),
    lowMean: mean('lowMean'),
    highCount: count('highCount'),
    highMean: mean('highMean'),
    warningDetected: requireBoolean(error, 'warningDetected', saved.warningDetected),
  }
}
