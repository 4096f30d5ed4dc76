import { DetectorBase, readCommonState } from './detector-base.ts'
import { nonFiniteChoices, type NonFinite } from './detector.ts'
import { DriftError, type DriftErrorName } from './errors.ts'
import { requireNumber, requireOneOf, requireRecord } from './validation.ts'

export interface PageHinkleyOptions {
  /** Values to see before the first detection. @default 30 */
  readonly minInstances?: number
  /** How far the mean may wander unpunished, in units of the values. @default 0.005 */
  readonly delta?: number
  /** The cumulative excess that is a change (λ), in units of the values. @default 50 */
  readonly threshold?: number
  /** The forgetting factor of the cumulative sums, in (0, 1]. @default 0.9999 */
  readonly alpha?: number
  /** The direction watched: a mean that rises, one that falls, or either. @default 'both' */
  readonly mode?: PageHinkleyMode
  /** What to do with NaN, infinities and values beyond ±1e300. @default 'throw' */
  readonly nonFinite?: NonFinite
}

export type PageHinkleyMode = 'up' | 'down' | 'both'

/** A detector as plain JSON. `minIncrease` is null before the first value. */
export interface PageHinkleyState {
  readonly detector: 'PageHinkley'
  readonly version: 1
  readonly options: Required<PageHinkleyOptions>
  readonly n: number
  readonly mean: number
  readonly sumIncrease: number
  readonly sumDecrease: number
  readonly minIncrease: number | null
  readonly maxDecrease: number
  readonly driftDetected: boolean
  readonly skipped: number
}

/**
 * Page-Hinkley: a change in the mean of a stream, found from cumulative sums.
 *
 * Each value's deviation from the running mean is summed up, less `delta`. While the mean stands
 * still the sum keeps falling to new lows; once values lie higher it climbs, and when it has
 * climbed `threshold` above its lowest point the mean has risen. The mirrored sum watches for a
 * fall. `mode` says which of the two is watched; `'both'` is either.
 *
 * `delta` and `threshold` are in units of the values: standardise the stream first, or choose both
 * for its scale. With the defaults a long stationary stream of unit deviation does raise false
 * alarms; a `delta` of half the smallest change worth an alarm makes them rare.
 *
 * ```ts
 * import { PageHinkley } from 'millrace/drift'
 *
 * const detector = new PageHinkley()
 * for (let i = 0; i < 2000; i++) {
 *   const value = i < 1000 ? i % 2 : 4 + (i % 4)
 *   if (detector.update(value)) console.log(`change detected at ${i}`)
 * }
 * // change detected at 1010
 * ```
 *
 * Detections and state equal river 0.26.1's `PageHinkley`.
 *
 * E. S. Page: Continuous Inspection Schemes. Biometrika 41 (1954), 100-115.
 * H. Mouss and others: Test of Page-Hinkley, an approach for fault detection in an agro-alimentary
 * production system. Asian Control Conference (2004), 815-818.
 */
export class PageHinkley extends DetectorBase<Required<PageHinkleyOptions>> {
  #n = 0
  #mean = 0
  #sumIncrease = 0
  #sumDecrease = 0
  #minIncrease = Infinity
  // river's start value (not -Infinity), kept for parity.
  #maxDecrease = -1

  /** Throws DriftOptionsInvalid for an option that is unknown or outside its range. */
  constructor(options: PageHinkleyOptions = {}) {
    super(readOptions('DriftOptionsInvalid', 'PageHinkley options', options))
  }

  /** Goes on exactly where `state()` was taken. Throws DriftStateInvalid for anything else. */
  static from(state: unknown): PageHinkley {
    const { options, ...saved } = readState(state)
    const detector = new PageHinkley(options)
    detector.#n = saved.n
    detector.#mean = saved.mean
    detector.#sumIncrease = saved.sumIncrease
    detector.#sumDecrease = saved.sumDecrease
    detector.#minIncrease = saved.minIncrease ?? Infinity
    detector.#maxDecrease = saved.maxDecrease
    detector.hasDetected = saved.driftDetected
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
    if (!(Math.abs(value) <= largestValue)) return this.refuse(takenValues, value)
    if (this.hasDetected) this.restart()

    const { alpha, delta, threshold, mode } = this.options
    const n = this.#n + 1
    const mean = this.#mean + (1 / n) * (value - this.#mean)
    const deviation = value - mean
    const sumIncrease = alpha * this.#sumIncrease + deviation - delta
    const sumDecrease = alpha * this.#sumDecrease + deviation + delta
    if (sumIncrease < this.#minIncrease) this.#minIncrease = sumIncrease
    if (sumDecrease > this.#maxDecrease) this.#maxDecrease = sumDecrease
    this.#n = n
    this.#mean = mean
    this.#sumIncrease = sumIncrease
    this.#sumDecrease = sumDecrease

    if (n < this.options.minInstances) return false
    const risen = mode !== 'down' && sumIncrease - this.#minIncrease > threshold
    const fallen = mode !== 'up' && this.#maxDecrease - sumDecrease > threshold
    this.hasDetected = risen || fallen
    return this.hasDetected
  }

  state(): PageHinkleyState {
    return {
      detector: 'PageHinkley',
      version: 1,
      options: this.options,
      n: this.#n,
      mean: this.#mean,
      sumIncrease: this.#sumIncrease,
      sumDecrease: this.#sumDecrease,
      minIncrease: this.#n === 0 ? null : this.#minIncrease,
      maxDecrease: this.#maxDecrease,
      driftDetected: this.driftDetected,
      skipped: this.skipped,
    }
  }

  protected override restart(): void {
    super.restart()
    this.#n = 0
    this.#mean = 0
    this.#sumIncrease = 0
    this.#sumDecrease = 0
    this.#minIncrease = Infinity
    this.#maxDecrease = -1
  }
}

/** Beyond it a deviation or a sum of deviations could overflow and blind the detector for good. */
const largestValue = 1e300
const takenValues = `PageHinkley takes finite numbers from -${largestValue} to ${largestValue}`

const optionNames = ['minInstances', 'delta', 'threshold', 'alpha', 'mode', 'nonFinite']

function readOptions(
  error: DriftErrorName,
  label: string,
  options: unknown,
): Required<PageHinkleyOptions> {
  const {
    minInstances = 30,
    delta = 0.005,
    threshold = 50,
    alpha = 0.9999,
    mode = 'both',
    nonFinite = 'throw',
  } = requireRecord(error, label, options, optionNames)
  return {
    minInstances: requireNumber(error, 'minInstances', minInstances, { least: 1, integer: true }),
    delta: requireNumber(error, 'delta', delta, { least: 0 }),
    threshold: requireNumber(error, 'threshold', threshold, { above: 0 }),
    alpha: requireNumber(error, 'alpha', alpha, { above: 0, most: 1 }),
    mode: requireOneOf(error, 'mode', mode, ['up', 'down', 'both']),
    nonFinite: requireOneOf(error, 'nonFinite', nonFinite, nonFiniteChoices),
  }
}

const stateNames = [
  'detector',
  'version',
  'options',
  'n',
  'mean',
  'sumIncrease',
  'sumDecrease',
  'minIncrease',
  'maxDecrease',
  'driftDetected',
  'skipped',
]

// What values within the largest can make of them: a mean give or take its rounding, and sums that
// are far from overflowing.
const meanRule = { least: -1.01 * largestValue, most: 1.01 * largestValue }
const sumRule = { least: -1e7 * largestValue, most: 1e7 * largestValue }

function readState(state: unknown): PageHinkleyState {
  const error = 'DriftStateInvalid'
  const saved = requireRecord(error, 'a PageHinkley state', state, stateNames)
  const common = readCommonState(saved, 'PageHinkley')
  const n = requireNumber(error, 'n', saved.n, { least: 0, integer: true })
  if (n === 0 && saved.minIncrease !== null) {
    throw new DriftError(error, 'minIncrease must be null where n is 0')
  }
  return {
    ...common,
    options: readOptions(error, 'options', saved.options),
    n,
    mean: requireNumber(error, 'mean', saved.mean, meanRule),
    sumIncrease: requireNumber(error, 'sumIncrease', saved.sumIncrease, sumRule),
    sumDecrease: requireNumber(error, 'sumDecrease', saved.sumDecrease, sumRule),
    minIncrease: n === 0 ? null : requireNumber(error, 'minIncrease', saved.minIncrease, sumRule),
    maxDecrease: requireNumber(error, 'maxDecrease', saved.maxDecrease, sumRule),
  }
}
