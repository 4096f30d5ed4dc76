import { readCommonState, WarningDetectorBase } from './detector-base.ts'
import { nonFiniteChoices, type NonFinite } from './detector.ts'
import { DriftError, type DriftErrorName } from './errors.ts'
import { requireBoolean, requireNumber, requireOneOf, requireRecord } from './validation.ts'

export interface EDDMOptions {
  /** Detects nothing before more errors than this. @default 30 */
  readonly warmStart?: number
  /** The share of its greatest that the errors' distance warns below, in (0, 1]. @default 0.95 */
  readonly alpha?: number
  /** The share that is a change, at most `alpha`. @default 0.9 */
  readonly beta?: number
  /** What to do with anything but 0 and 1. @default 'throw' */
  readonly nonFinite?: NonFinite
}

/** A detector as plain JSON. */
export interface EDDMState {
  readonly detector: 'EDDM'
  readonly version: 1
  readonly options: Required<EDDMOptions>
  readonly n: number
  readonly errors: number
  /** Which value, counted from 1, was the last error; 0 before the first. */
  readonly lastError: number
  readonly meanDistance: number
  /** The sum of the distances' squared deviations from their mean. */
  readonly squaredDeviations: number
  /** The greatest mean distance plus two deviations; null before there was one. */
  readonly greatest: number | null
  readonly driftDetected: boolean
  readonly warningDetected: boolean
  readonly skipped: number
}

/**
 * EDDM (early drift detection method): a classifier that slowly gets worse, found from how far
 * apart its errors are in the stream: 1 for a wrong answer, 0 for a right one.
 *
 * While a model learns, or stays as good as it is, the number of answers from one error to the next
 * grows or stays. The detector keeps the mean of these distances plus two deviations and the
 * greatest that sum ever was; when it has fallen below 95% of the greatest it warns, below 90% it is
 * a change. It watches for errors that come closer together, a rise of the error rate, and looks
 * only when an error comes. It sees gradual changes that DDM is slow to see, and pays with many
 * false alarms: its ratio is no test of significance (see docs/drift.md).
 *
 * ```ts
 * import { EDDM } from 'millrace/drift'
 *
 * const detector = new EDDM()
 * let warned = false
 * for (let i = 0; i < 1000; i++) {
 *   const isWrong = i < 500 ? i % 10 === 0 : i % 2 === 0
 *   if (detector.update(isWrong ? 1 : 0)) console.log(`change detected at ${i}`)
 *   if (detector.warningDetected && !warned) console.log(`warned at ${i}`)
 *   warned = detector.warningDetected
 * }
 * // change detected at 300
 * // warned at 536
 * // change detected at 552
 * ```
 *
 * Detections, warnings and state equal river 0.26.1's `EDDM`.
 *
 * M. Baena-García and others: Early Drift Detection Method. Fourth International Workshop on
 * Knowledge Discovery from Data Streams (2006).
 */
export class EDDM extends WarningDetectorBase<Required<EDDMOptions>> {
  #n = 0
  #errors = 0
  #lastError = 0
  #meanDistance = 0
  #squaredDeviations = 0
  #greatest = -1

  /** Throws DriftOptionsInvalid for an option that is unknown or outside its range. */
  constructor(options: EDDMOptions = {}) {
    super(readOptions('DriftOptionsInvalid', 'EDDM options', options))
  }

  /** Goes on exactly where `state()` was taken. Throws DriftStateInvalid for anything else. */
  static from(state: unknown): EDDM {
    const saved = readState(state)
    const detector = new EDDM(saved.options)
    detector.#n = saved.n
    detector.#errors = saved.errors
    detector.#lastError = saved.lastError
    detector.#meanDistance = saved.meanDistance
    detector.#squaredDeviations = saved.squaredDeviations
    detector.#greatest = saved.greatest ?? -1
    detector.hasDetected = saved.driftDetected
    detector.hasWarned = saved.warningDetected
    detector.skippedCount = saved.skipped
    return detector
  }

  /** The error rate. */
  get estimation(): number {
    return this.#n === 0 ? 0 : this.#errors / this.#n
  }

  get width(): number {
    return this.#n
  }

  /** Throws DriftValueInvalid, and changes nothing, for a value that `nonFinite` refuses. */
  update(value: number): boolean {
    if (value !== 0 && value !== 1) return this.refuse('EDDM takes 0 (right) and 1 (wrong)', value)
    if (this.hasDetected) this.restart()

    const n = this.#n + 1
    this.#n = n
    if (value === 0) return false

    const errors = this.#errors + 1
    const distance = n - this.#lastError
    const before = this.#meanDistance
    const mean = before + (1 / errors) * (distance - before)
    this.#squaredDeviations += (distance - before) * (distance - mean)
    this.#errors = errors
    this.#lastError = n
    this.#meanDistance = mean
    const { warmStart, alpha, beta } = this.options
    if (n <= warmStart) return false

    const deviation = errors > 1 ? Math.sqrt(this.#squaredDeviations / (errors - 1)) : 0
    const reach = mean + 2 * deviation
    if (reach > this.#greatest) {
      this.#greatest = reach
    } else if (errors > warmStart) {
      const share = reach / this.#greatest
      this.hasDetected = share < beta
      // river leaves a warning standing beside the detection that follows it.
      if (!this.hasDetected) this.hasWarned = share < alpha
    }
    return this.hasDetected
  }

  state(): EDDMState {
    return {
      detector: 'EDDM',
      version: 1,
      options: this.options,
      n: this.#n,
      errors: this.#errors,
      lastError: this.#lastError,
      meanDistance: this.#meanDistance,
      squaredDeviations: this.#squaredDeviations,
      greatest: this.#greatest < 0 ? null : this.#greatest,
      driftDetected: this.driftDetected,
      warningDetected: this.warningDetected,
      skipped: this.skipped,
    }
  }

  protected override restart(): void {
    super.restart()
    this.#n = 0
    this.#errors = 0
    this.#lastError = 0
    this.#meanDistance = 0
    this.#squaredDeviations = 0
    this.#greatest = -1
  }
}

const optionNames = ['warmStart', 'alpha', 'beta', 'nonFinite']

function readOptions(
  error: DriftErrorName,
  label: string,
  options: unknown,
): Required<EDDMOptions> {
  const {
    warmStart = 30,
    alpha = 0.95,
    beta = 0.9,
    nonFinite = 'throw',
  } = requireRecord(error, label, options, optionNames)
  const share = requireNumber(error, 'alpha', alpha, { above: 0, most: 1 })
  return {
    warmStart: requireNumber(error, 'warmStart', warmStart, { least: 0, integer: true }),
    alpha: share,
    beta: requireNumber(error, 'beta', beta, { above: 0, most: share }),
    nonFinite: requireOneOf(error, 'nonFinite', nonFinite, nonFiniteChoices),
  }
}

const stateNames = [
  'detector',
  'version',
  'options',
  'n',
  'errors',
  'lastError',
  'meanDistance',
  'squaredDeviations',
  'greatest',
  'driftDetected',
  'warningDetected',
  'skipped',
]

function readState(state: unknown): EDDMState {
  const error = 'DriftStateInvalid'
  const saved = requireRecord(error, 'an EDDM state', state, stateNames)
  const common = readCommonState(saved, 'EDDM')
  const n = requireNumber(error, 'n', saved.n, { least: 0, integer: true })
  const upToN = (name: 'errors' | 'lastError') =>
    requireNumber(error, name, saved[name], { least: 0, most: n, integer: true })
  const errors = upToN('errors')
  const lastError = upToN('lastError')
  if (lastError < errors || (errors === 0 && lastError > 0)) {
    throw new DriftError(error, `${errors} errors cannot have the last at ${lastError}`)
  }
  return {
    ...common,
    options: readOptions(error, 'options', saved.options),
    n,
    errors,
    lastError,
    meanDistance: requireNumber(error, 'meanDistance', saved.meanDistance, { least: 0, most: n }),
    squaredDeviations: requireNumber(error, 'squaredDeviations', saved.squaredDeviations, {
      least: 0,
      most: n ** 3,
    }),
    greatest:
      saved.greatest === null
        ? null
        : requireNumber(error, 'greatest', saved.greatest, { least: 1, most: 3 * n ** 2 }),
    warningDetected: requireBoolean(error, 'warningDetected', saved.warningDetected),
  }
}
