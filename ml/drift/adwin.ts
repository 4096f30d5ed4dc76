import { Buckets, rowLimit, rowSize, type BucketsState } from './adwin-buckets.ts'
import { DetectorBase, readCommonState } from './detector-base.ts'
import { nonFiniteChoices, type NonFinite } from './detector.ts'
import { DriftError, type DriftErrorName } from './errors.ts'
import {
  requireList,
  requireNumber,
  requireNumbers,
  requireOneOf,
  requireRecord,
} from './validation.ts'

export interface ADWINOptions {
  /** The significance of a cut, in (0, 1): smaller alarms less. @default 0.002 */
  readonly delta?: number
  /** Looks for a change at every `clock`-th value. @default 32 */
  readonly clock?: number
  /** Buckets of one size before the two oldest are merged, 2 to 1024. @default 5 */
  readonly maxBuckets?: number
  /** The least length of both parts of a cut. @default 5 */
  readonly minWindowLength?: number
  /** Looks for a change only when the window is longer than this. @default 10 */
  readonly gracePeriod?: number
  /** What to do with NaN, infinities and values beyond ±1e140. @default 'throw' */
  readonly nonFinite?: NonFinite
}

/** A detector as plain JSON. */
export interface ADWINState {
  readonly detector: 'ADWIN'
  readonly version: 1
  readonly options: Required<ADWINOptions>
  readonly tick: number
  readonly width: number
  readonly total: number
  readonly variance: number
  readonly buckets: BucketsState
  readonly driftDetected: boolean
  readonly skipped: number
}

/**
 * ADWIN (adaptive windowing): a change in the mean of a stream, found by a window that grows while
 * nothing changes and drops its old end when the mean of the old end differs from the new end's.
 *
 * The window is kept as buckets of exponentially growing size, so that n values take O(log n)
 * memory. At every `clock`-th value each boundary between buckets is tried as a cut: when the
 * means on its two sides differ by more than chance allows (a Bernstein bound at confidence
 * `delta`, from the window's own variance), the oldest bucket goes. It watches both directions;
 * `estimation` before and after tells which it was. It sees changes of the mean, not of the
 * variance alone.
 *
 * ```ts
 * import { ADWIN } from 'millrace/drift'
 *
 * const detector = new ADWIN()
 * for (let i = 0; i < 2000; i++) {
 *   const value = i < 1000 ? i % 2 : 4 + (i % 4)
 *   if (detector.update(value)) console.log(`change detected at ${i}, mean ${detector.estimation}`)
 * }
 * // change detected at 1023, mean 4.25
 * ```
 *
 * Detections and state equal river 0.26.1's `ADWIN`. An update allocates nothing, except that the
 * buckets' memory doubles now and then while the window grows.
 *
 * A. Bifet, R. Gavaldà: Learning from Time-Changing Data with Adaptive Windowing. SIAM
 * International Conference on Data Mining (2007), 443-448.
 */
export class ADWIN extends DetectorBase<Required<ADWINOptions>> {
  readonly #buckets: Buckets
  #tick = 0
  #width = 0
  #total = 0
  #variance = 0

  /** Throws DriftOptionsInvalid for an option that is unknown or outside its range. */
  constructor(options: ADWINOptions = {}) {
    super(readOptions('DriftOptionsInvalid', 'ADWIN options', options))
    this.#buckets = new Buckets(this.options.maxBuckets)
  }

  /** Goes on exactly where `state()` was taken. Throws DriftStateInvalid for anything else. */
  static from(state: unknown): ADWIN {
    const saved = readState(state)
    const detector = new ADWIN(saved.options)
    detector.#tick = saved.tick
    detector.#width = saved.width
    detector.#total = saved.total
    detector.#variance = saved.variance
    detector.hasDetected = saved.driftDetected
    detector.skippedCount = saved.skipped
    detector.#buckets.fill(saved.buckets)
    return detector
  }

  get estimation(): number {
    return this.#width === 0 ? 0 : this.#total / this.#width
  }

  get width(): number {
    return this.#width
  }

  /** The sum of the window's values. */
  get total(): number {
    return this.#total
  }

  /** The sum (not the mean) of the squared deviations in the window, as its buckets tell it. */
  get variance(): number {
    return this.#variance
  }

  /** Throws DriftValueInvalid, and changes nothing, for a value that `nonFinite` refuses. */
  update(value: number): boolean {
    // Written so that NaN, which compares false with everything, is refused too.
    if (!(Math.abs(value) <= largestValue)) return this.refuse(takenValues, value)
    if (this.hasDetected) this.restart()

    const width = this.#width + 1
    if (width > 1) {
      const difference = value - this.#total / (width - 1)
      this.#variance += ((width - 1) * difference * difference) / width
    }
    this.#width = width
    this.#total += value
    this.#buckets.append(value)

    this.#tick++
    if (this.#tick % this.options.clock !== 0 || width <= this.options.gracePeriod) return false
    while (this.#findsCut()) {
      this.#dropOldest()
      this.hasDetected = true
    }
    return this.hasDetected
  }

  state(): ADWINState {
    return {
      detector: 'ADWIN',
      version: 1,
      options: this.options,
      tick: this.#tick,
      width: this.#width,
      total: this.#total,
      variance: this.#variance,
      buckets: this.#buckets.toJSON(),
      driftDetected: this.driftDetected,
      skipped: this.skipped,
    }
  }

  #findsCut(): boolean {
    const { delta, minWindowLength } = this.options
    const { cells, counts, stride } = this.#buckets
    const width = this.#width
    const variance = this.#variance / width
    const confidence = Math.log((2 * Math.log(width)) / delta)
    const leastSquare = 2 * variance * confidence * width * (1 - 1e-9)
    let oldCount = 0
    let oldTotal = 0
    let newCount = width
    let newTotal = this.#total
    let size = rowSize(counts.length - 1)
    for (let row = counts.length - 1; row >= 0; row--, size *= 0.5) {
      const first = row * stride
      const end = first + 2 * counts[row]!
      for (let cell = first; cell < end; cell += 2) {
        const total = cells[cell]!
        oldCount += size
        newCount -= size
        oldTotal += total
        newTotal -= total
        if (newCount < minWindowLength) return false
        if (oldCount < minWindowLength) continue

        // m below is at least width / (oldCount · newCount), so that the bound is out of reach of
        // most boundaries without a division and a root. The difference of the means is multiplied
        // by both counts, and a little more than its rounding is added.
        const left = oldTotal * newCount
        const right = newTotal * oldCount
        const reach = Math.abs(left - right) + 1e-15 * (Math.abs(left) + Math.abs(right))
        if (reach * reach < leastSquare * oldCount * newCount) continue
        const difference = Math.abs(oldTotal / oldCount - newTotal / newCount)
        const m = 1 / (oldCount - minWindowLength + 1) + 1 / (newCount - minWindowLength + 1)
        const bound = Math.sqrt(2 * m * variance * confidence) + (2 / 3) * confidence * m
        if (difference > bound) return true
      }
    }
    return false
  }

  #dropOldest(): void {
    const { cells, counts, oldest } = this.#buckets
    const size = rowSize(counts.length - 1)
    const total = cells[oldest]!
    const variance = cells[oldest + 1]!
    this.#width -= size
    this.#total -= total
    const difference = total / size - this.#total / this.#width
    this.#variance -=
      variance + (size * this.#width * difference * difference) / (size + this.#width)
    this.#buckets.dropOldest()
  }

  protected override restart(): void {
    super.restart()
    this.#buckets.clear()
    this.#tick = 0
    this.#width = 0
    this.#total = 0
    this.#variance = 0
  }
}

/** Beyond it a squared deviation could overflow and blind the detector for good. */
const largestValue = 1e140
const takenValues = `ADWIN takes finite numbers from -${largestValue} to ${largestValue}`

const optionNames = ['delta', 'clock', 'maxBuckets', 'minWindowLength', 'gracePeriod', 'nonFinite']

function readOptions(
  error: DriftErrorName,
  label: string,
  options: unknown,
): Required<ADWINOptions> {
  const {
    delta = 0.002,
    clock = 32,
    maxBuckets = 5,
    minWindowLength = 5,
    gracePeriod = 10,
    nonFinite = 'throw',
  } = requireRecord(error, label, options, optionNames)
  const integer = (name: string, value: unknown, least: number, most?: number) =>
    requireNumber(error, name, value, {
      integer: true,
      least,
      ...(most === undefined ? {} : { most }),
    })
  return {
    delta: requireNumber(error, 'delta', delta, { above: 0, below: 1 }),
    clock: integer('clock', clock, 1),
    maxBuckets: integer('maxBuckets', maxBuckets, 2, 1024),
    minWindowLength: integer('minWindowLength', minWindowLength, 1),
    gracePeriod: integer('gracePeriod', gracePeriod, 0),
    nonFinite: requireOneOf(error, 'nonFinite', nonFinite, nonFiniteChoices),
  }
}

const stateNames = [
  'detector',
  'version',
  'options',
  'tick',
  'width',
  'total',
  'variance',
  'buckets',
  'driftDetected',
  'skipped',
]

function readState(state: unknown): ADWINState {
  const saved = requireRecord(error, 'an ADWIN state', state, stateNames)
  const common = readCommonState(saved, 'ADWIN')
  const options = readOptions(error, 'options', saved.options)
  const width = requireNumber(error, 'width', saved.width, { least: 0, integer: true })
  return {
    ...common,
    options,
    tick: requireNumber(error, 'tick', saved.tick, { least: 0, integer: true }),
    width,
    total: requireTotal('total', saved.total, width),
    variance: requireVariance('variance', saved.variance, width),
    buckets: readBuckets(saved.buckets, options.maxBuckets, width),
  }
}

function readBuckets(value: unknown, maxBuckets: number, width: number): BucketsState {
  const saved = requireRecord(error, 'buckets', value, ['counts', 'totals', 'variances'])
  const countRule = { least: 0, most: maxBuckets, integer: true }
  const counts = requireNumbers(error, 'counts', saved.counts, countRule)
  const held = counts.reduce((sum, count, row) => sum + count * 2 ** row, 0)
  if (held !== width || counts.length >= rowLimit) {
    throw new DriftError(
      error,
      `the buckets hold ${held} values in ${counts.length} rows, width says ${width}`,
    )
  }
  const sizes = counts.flatMap((count, row) => new Array<number>(count).fill(2 ** row)).reverse()
  const totals = requireList(error, 'totals', saved.totals, sizes.length)
  const variances = requireList(error, 'variances', saved.variances, sizes.length)
  return {
    counts,
    totals: totals.map((total, k) => requireTotal(`totals[${k}]`, total, sizes[k]!)),
    variances: variances.map((v, k) => requireVariance(`variances[${k}]`, v, sizes[k]!)),
  }
}

/** A sum that `count` values can have, give or take its rounding. */
function requireTotal(label: string, total: unknown, count: number): number {
  const most = 1.01 * largestValue * count
  return requireNumber(error, label, total, { least: -most, most })
}

/** A sum of squared deviations that `count` values can have; rounding may leave it below 0. */
function requireVariance(label: string, variance: unknown, count: number): number {
  const most = 4.1 * largestValue ** 2 * count
  return requireNumber(error, label, variance, { least: -most, most })
}

const error = 'DriftStateInvalid'
