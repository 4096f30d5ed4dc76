import { readCommonState, WarningDetectorBase } from './detector-base.ts'
import { nonFiniteChoices, type NonFinite } from './detector.ts'
import { DriftError, type DriftErrorName } from './errors.ts'
import { requireBoolean, requireNumber, requireOneOf, requireRecord } from './validation.ts'

export interface DDMOptions {
  /** Detects nothing before more values than this. @default 30 */
  readonly warmStart?: number
  /** How many deviations above its least the error rate warns. @default 2 */
  readonly warningThreshold?: number
  /** How many deviations above its least the error rate is a change. @default 3 */
  readonly driftThreshold?: number
  /** What to do with anything but 0 and 1. @default 'throw' */
  readonly nonFinite?: NonFinite
}

/** A detector as plain JSON. The least error rate and its deviation are null before `warmStart`. */
export interface DDMState {
  readonly detector: 'DDM'
  readonly version: 1
  readonly options: Required<DDMOptions>
  readonly n: number
  readonly errorRate: number
  readonly leastErrorRate: number | null
  readonly leastDeviation: number | null
  readonly driftDetected: boolean
  readonly warningDetected: boolean
  readonly skipped: number
}

/**
 * DDM (drift detection method): a classifier that gets worse, found from its stream of errors: 1
 * for a wrong answer, 0 for a right one.
 *
 * While nothing changes, a model's error rate p over n answers falls or stays, give or take its
 * deviation s = √(p(1 - p) / n). The detector remembers where p + s was least; when p + s has
 * climbed more than 2 of that moment's deviations above that moment's rate it warns, at more than 3
 * it is a change. It watches for a rise only: a model that gets better raises no alarm. It reacts
 * quickly to a jump early in the stream, and slowly after a long quiet one, whose weight is in p.
 *
 * ```ts
 * import { DDM } from 'millrace/drift'
 *
 * const detector = new DDM()
 * let warned = false
 * for (let i = 0; i < 1000; i++) {
 *   const isWrong = i < 500 ? i % 10 === 0 : i % 2 === 0
 *   if (detector.update(isWrong ? 1 : 0)) console.log(`change detected at ${i}`)
 *   if (detector.warningDetected && !warned) console.log(`warned at ${i}`)
 *   warned = detector.warningDetected
 * }
 * // warned at 516
 * // change detected at 534
 * ```
 *
 * Detections, warnings and state equal river 0.26.1's `DDM`.
 *
 * J. Gama, P. Medas, G. Castillo, P. Rodrigues: Learning with Drift Detection. Brazilian Symposium
 * on Artificial Intelligence (2004), 286-295.
 */
export class DDM extends WarningDetectorBase<Required<DDMOptions>> {
  #n = 0
  #errorRate = 0
  #leastErrorRate = 0
  #leastDeviation = 0
  #least = Infinity

  /** Throws DriftOptionsInvalid for an option that is unknown or outside its range. */
  constructor(options: DDMOptions = {}) {
    super(readOptions('DriftOptionsInvalid', 'DDM options', options))
  }

  /** Goes on exactly where `state()` was taken. Throws DriftStateInvalid for anything else. */
  static from(state: unknown): DDM {
    const saved = readState(state)
    const detector = new DDM(saved.options)
    detector.#n = saved.n
    detector.#errorRate = saved.errorRate
    if (saved.leastErrorRate !== null && saved.leastDeviation !== null) {
      detector.#leastErrorRate = saved.leastErrorRate
      detector.#leastDeviation = saved.leastDeviation
      detector.#least = saved.leastErrorRate + saved.leastDeviation
    }
    detector.hasDetected = saved.driftDetected
    detector.hasWarned = saved.warningDetected
    detector.skippedCount = saved.skipped
    return detector
  }

  /** The error rate. */
  get estimation(): number {
    return this.#errorRate
  }

  get width(): number {
    return this.#n
  }

  /** Throws DriftValueInvalid, and changes nothing, for a value that `nonFinite` refuses. */
  update(value: number): boolean {
    if (value !== 0 && value !== 1) return this.refuse('DDM takes 0 (right) and 1 (wrong)', value)
    if (this.hasDetected) this.restart()

    const n = this.#n + 1
    const errorRate = this.#errorRate + (1 / n) * (value - this.#errorRate)
    this.#n = n
    this.#errorRate = errorRate
    if (n <= this.options.warmStart) return false

    const deviation = Math.sqrt((errorRate * (1 - errorRate)) / n)
    const level = errorRate + deviation
    if (level <= this.#least) {
      this.#leastErrorRate = errorRate
      this.#leastDeviation = deviation
      this.#least = level
    }
    const { warningThreshold, driftThreshold } = this.options
    const isDrift = level > this.#leastErrorRate + driftThreshold * this.#leastDeviation
    this.hasWarned =
      !isDrift && level > this.#leastErrorRate + warningThreshold * this.#leastDeviation
    this.hasDetected = isDrift
    return isDrift
  }

  state(): DDMState {
    const hasLeast = this.#least < Infinity
    return {
      detector: 'DDM',
      version: 1,
      options: this.options,
      n: this.#n,
      errorRate: this.#errorRate,
      leastErrorRate: hasLeast ? this.#leastErrorRate : null,
      leastDeviation: hasLeast ? this.#leastDeviation : null,
      driftDetected: this.driftDetected,
      warningDetected: this.warningDetected,
      skipped: this.skipped,
    }
  }

  protected override restart(): void {
    super.restart()
    this.#n = 0
    this.#errorRate = 0
    this.#leastErrorRate = 0
    this.#leastDeviation = 0
    this.#least = Infinity
  }
}

const optionNames = ['warmStart', 'warningThreshold', 'driftThreshold', 'nonFinite']

function readOptions(error: DriftErrorName, label: string, options: unknown): Required<DDMOptions> {
  const {
    warmStart = 30,
    warningThreshold = 2,
    driftThreshold = 3,
    nonFinite = 'throw',
  } = requireRecord(error, label, options, optionNames)
  return {
    warmStart: requireNumber(error, 'warmStart', warmStart, { least: 0, integer: true }),
    warningThreshold: requireNumber(error, 'warningThreshold', warningThreshold, { above: 0 }),
    driftThreshold: requireNumber(error, 'driftThreshold', driftThreshold, { above: 0 }),
    nonFinite: requireOneOf(error, 'nonFinite', nonFinite, nonFiniteChoices),
  }
}

const stateNames = [
  'detector',
  'version',
  'options',
  'n',
  'errorRate',
  'leastErrorRate',
  'leastDeviation',
  'driftDetected',
  'warningDetected',
  'skipped',
]

function readState(state: unknown): DDMState {
  const error = 'DriftStateInvalid'
  const saved = requireRecord(error, 'a DDM state', state, stateNames)
  const common = readCommonState(saved, 'DDM')
  const options = readOptions(error, 'options', saved.options)
  const n = requireNumber(error, 'n', saved.n, { least: 0, integer: true })
  const hasLeast = n > options.warmStart
  const least = (name: 'leastErrorRate' | 'leastDeviation') => {
    if (hasLeast) return requireNumber(error, name, saved[name], { least: 0, most: 1 })
    if (saved[name] === null) return null
    throw new DriftError(error, `${name} must be null where n is at most warmStart`)
  }
  return {
    ...common,
    options,
    n,
    errorRate: requireNumber(error, 'errorRate', saved.errorRate, { least: 0, most: 1 }),
    leastErrorRate: least('leastErrorRate'),
    leastDeviation: least('leastDeviation'),
    warningDetected: requireBoolean(error, 'warningDetected', saved.warningDetected),
  }
}
