import { ADWIN, type ADWINOptions } from './adwin.ts'
import { DDM, type DDMOptions } from './ddm.ts'
import { DriftError } from './errors.ts'
import { PageHinkley, type PageHinkleyOptions } from './page-hinkley.ts'
import { StreamBlocks, type Block, type BlocksState, type Window } from './stream-blocks.ts'
import { requireBoolean, requireList, requireNumber, requireRecord } from './validation.ts'

/** Which detectors watch a stream, each with its options. */
export interface WatchingDetectors {
  readonly ADWIN?: ADWINOptions
  readonly PageHinkley?: PageHinkleyOptions
  /** For a stream of 0 (right) and 1 (wrong). */
  readonly DDM?: DDMOptions
}

export type WatchingDetector = keyof WatchingDetectors

export interface StreamMonitorOptions {
  readonly detectors: WatchingDetectors
  /** Which change of the mean is one that matters. @default 'both' */
  readonly direction?: 'up' | 'both'
  /** The least change of the mean that matters, in units of the values. @default 0 */
  readonly minimumEffect?: number
  /**
   * How many standard errors the means before and after must be apart. Beside a detector's own
   * threshold it keeps one that errs (as DDM on few errors) from crying wolf. @default 4
   */
  readonly minimumScore?: number
  /**
   * The least deviation that the standard errors go by, in units of the values: a run of equal values
   * does not tell that no other could come. @default 0
   */
  readonly leastDeviation?: number
}

/** A change that a detector found. Times are in milliseconds since 1970. */
export interface StreamDetection {
  readonly detector: WatchingDetector
  /** What the detector compared with its threshold, in units of the values. */
  readonly statistic: number
  readonly threshold: number
  /** The values since the detectors began, parted at the change by least squares. */
  readonly before: Window
  readonly after: Window
  /** Of the first value after the change, to within a block of 16 values. */
  readonly changedSince: number
  readonly detectedAt: number
}

/** A monitor as plain JSON, without its options. */
export interface StreamMonitorState {
  readonly version: 1
  readonly count: number
  readonly skipped: number
  /** Values since the detectors began anew. */
  readonly since: number
  readonly isOpen: boolean
  readonly blocks: BlocksState
  readonly detectors: readonly object[]
}

/**
 * One stream of numbers under several detectors, with its history.
 *
 * A detection counts when the means before and after it differ by enough to matter, and by more than
 * chance would have them; then all the detectors begin anew, so that what has become usual raises no
 * alarm again. So they do, in silence, after a change in a direction that does not matter. Values that
 * are not finite are counted and left out.
 *
 * ```ts
 * import { StreamMonitor } from 'millrace/drift'
 *
 * const monitor = new StreamMonitor({ detectors: { PageHinkley: { alpha: 1 } } })
 * for (let i = 0; i < 2000; i++) {
 *   const value = i < 1000 ? i % 2 : 4 + (i % 4)
 *   for (const { changedSince } of monitor.update(value, i)) {
 *     console.log(`change detected at ${i}, since ${changedSince}`)
 *   }
 * }
 * // change detected at 1010, since 992
 * ```
 */
export class StreamMonitor {
  readonly options: Required<StreamMonitorOptions>
  readonly #detectors: readonly Watching[]
  #blocks = new StreamBlocks()
  #count = 0
  #skipped = 0
  #since = 0

  /** Throws DriftOptionsInvalid for an option that is unknown or outside its range. */
  constructor(options: StreamMonitorOptions) {
    this.options = readOptions(options)
    this.#detectors = watching(this.options.detectors)
  }

  /** Goes on exactly where `state()` was taken under the same options. Throws DriftStateInvalid. */
  static from(state: unknown, options: StreamMonitorOptions): StreamMonitor {
    const saved = readState(state)
    const monitor = new StreamMonitor(options)
    if (saved.detectors.length !== monitor.#detectors.length) {
      throw new DriftError('DriftStateInvalid', 'the state is of other detectors')
    }
    saved.detectors.forEach((one, i) => monitor.#detectors[i]!.restore(one))
    monitor.#blocks = StreamBlocks.from(saved.blocks, saved.isOpen)
    monitor.#count = saved.count
    monitor.#skipped = saved.skipped
    monitor.#since = saved.since
    return monitor
  }

  /** Values taken in, without those of `prime`. */
  get count(): number {
    return this.#count
  }

  /** Values that were left out. */
  get skipped(): number {
    return this.#skipped
  }

  /** The history, the oldest first; values of `prime` are the first block. */
  get blocks(): Block[] {
    return this.#blocks.all()
  }

  /** What each detector looks at. */
  get detectors(): { detector: WatchingDetector; estimation: number; width: number }[] {
    return this.#detectors.map(({ name, watch: { estimation, width } }) => ({
      detector: name,
      estimation,
      width,
    }))
  }

  /** Takes in what is known of the stream before it began; changes within it are none. */
  prime(values: Float64Array, at: number): void {
    const known = values.filter(Number.isFinite)
    if (known.length === 0) return
    for (const detector of this.#detectors) {
      for (const value of known) {
        if (detector.watch.update(value)) detector.renew()
      }
    }
    let mean = 0
    let squares = 0
    known.forEach((value, i) => {
      const difference = value - mean
      mean += difference / (i + 1)
      squares += difference * (value - mean)
    })
    const deviation = Math.sqrt(squares / known.length)
    this.#blocks.addWindow({ from: at, to: at, count: known.length, mean, deviation })
    this.#since += known.length
  }

  /** Takes in the next value, which came at a time in milliseconds since 1970; answers detections. */
  update(value: number, at: number): readonly StreamDetection[] {
    if (!(Math.abs(value) <= largestValue)) {
      this.#skipped++
      return none
    }
    this.#count++
    this.#since++
    this.#blocks.add(value, at)
    let isAlarm = false
    for (let i = 0; i < this.#detectors.length; i++) {
      if (this.#detectors[i]!.update(value)) isAlarm = true
    }
    return isAlarm ? this.#judge(at) : none
  }

  state(): StreamMonitorState {
    return {
      version: 1,
      count: this.#count,
      skipped: this.#skipped,
      since: this.#since,
      isOpen: this.#blocks.isOpen,
      blocks: this.#blocks.state(),
      detectors: this.#detectors.map(({ watch }) => watch.state()),
    }
  }

  #judge(at: number): readonly StreamDetection[] {
    const parts = this.#blocks.split(this.#since)
    if (parts === undefined || !this.#matters(parts)) return none
    const { before, after } = parts
    const isRise = after.mean > before.mean
    const found = this.#detectors.flatMap((detector): StreamDetection[] => {
      if (!detector.watch.driftDetected) return []
      const compared = detector.compared(before, after)
      const changedSince = after.from
      const { name } = detector
      return [{ detector: name, ...compared, before, after, changedSince, detectedAt: at }]
    })
    for (const detector of this.#detectors) detector.renew()
    this.#since = 0
    if (this.options.direction === 'up' && !isRise) return none
    this.#blocks.markDrift()
    return found
  }

  #matters({ before, after }: { before: Window; after: Window }): boolean {
    const { minimumEffect, minimumScore, leastDeviation } = this.options
    const difference = Math.abs(after.mean - before.mean)
    if (difference < minimumEffect) return false
    const varianceOfMean = ({ deviation, count }: Window) =>
      Math.max(deviation, leastDeviation) ** 2 / count
    const error = Math.sqrt(varianceOfMean(before) + varianceOfMean(after))
    return difference >= minimumScore * error
  }
}

/** A detector as the monitor handles it. */
interface Watching {
  readonly name: WatchingDetector
  readonly watch: ADWIN | PageHinkley | DDM
  update(value: number): boolean
  /** Makes a new one of it. */
  renew(): void
  restore(state: unknown): void
  compared(before: Window, after: Window): { statistic: number; threshold: number }
}

function watching({ ADWIN: adwin, PageHinkley: pageHinkley, DDM: ddm }: WatchingDetectors) {
  const detectors: Watching[] = []
  if (adwin !== undefined) detectors.push(watchingAdwin(adwin))
  if (pageHinkley !== undefined) detectors.push(watchingPageHinkley(pageHinkley))
  if (ddm !== undefined) detectors.push(watchingDdm(ddm))
  return detectors
}

function watchingAdwin(options: ADWINOptions): Watching {
  let watch = new ADWIN({ ...options, nonFinite: 'skip' })
  return {
    name: 'ADWIN',
    get watch() {
      return watch
    },
    update: (value) => watch.update(value),
    renew: () => watch.reset(),
    restore(state) {
      watch = ADWIN.from(state)
    },
    compared: (before, after) => ({
      statistic: Math.abs(after.mean - before.mean),
      threshold: adwinBound(before, after, watch.options),
    }),
  }
}

function watchingPageHinkley(options: PageHinkleyOptions): Watching {
  let watch = new PageHinkley({ ...options, nonFinite: 'skip' })
  return {
    name: 'PageHinkley',
    get watch() {
      return watch
    },
    update: (value) => watch.update(value),
    renew: () => watch.reset(),
    restore(state) {
      watch = PageHinkley.from(state)
    },
    compared() {
      const { sumIncrease, minIncrease, sumDecrease, maxDecrease } = watch.state()
      const { mode, threshold } = watch.options
      const rise = mode === 'down' ? 0 : sumIncrease - (minIncrease ?? sumIncrease)
      const fall = mode === 'up' ? 0 : maxDecrease - sumDecrease
      return { statistic: Math.max(rise, fall), threshold }
    },
  }
}

function watchingDdm(options: DDMOptions): Watching {
  let watch = new DDM({ ...options, nonFinite: 'skip' })
  return {
    name: 'DDM',
    get watch() {
      return watch
    },
    update: (value) => watch.update(value),
    renew: () => watch.reset(),
    restore(state) {
      watch = DDM.from(state)
    },
    compared() {
      const { n, errorRate, leastErrorRate, leastDeviation } = watch.state()
      const { driftThreshold } = watch.options
      return {
        statistic: errorRate + Math.sqrt((errorRate * (1 - errorRate)) / n),
        threshold: (leastErrorRate ?? 0) + driftThreshold * (leastDeviation ?? 0),
      }
    },
  }
}

/** How far apart ADWIN lets the means of two windows be. */
function adwinBound(
  before: Window,
  after: Window,
  { delta, minWindowLength }: Required<ADWINOptions>,
): number {
  const width = before.count + after.count
  const difference = after.mean - before.mean
  const between = ((before.count * after.count) / width) * difference * difference
  const squares =
    before.deviation * before.deviation * before.count +
    after.deviation * after.deviation * after.count +
    between
  const confidence = Math.log((2 * Math.log(width)) / delta)
  const part = ({ count }: Window) => 1 / (Math.max(count, minWindowLength) - minWindowLength + 1)
  const m = part(before) + part(after)
  return Math.sqrt(2 * m * (squares / width) * confidence) + (2 / 3) * confidence * m
}

const none: readonly StreamDetection[] = []

/** Beyond it a squared deviation could overflow. */
const largestValue = 1e140

function readOptions(options: unknown): Required<StreamMonitorOptions> {
  const error = 'DriftOptionsInvalid'
  const known = ['detectors', 'direction', 'minimumEffect', 'minimumScore', 'leastDeviation']
  const given = requireRecord(error, 'StreamMonitor options', options, known)
  const { direction = 'both', minimumEffect = 0, minimumScore = 4, leastDeviation = 0 } = given
  if (direction !== 'up' && direction !== 'both') {
    throw new DriftError(error, "direction must be 'up' or 'both'")
  }
  const detectors = requireRecord(error, 'detectors', given.detectors, [
    'ADWIN',
    'PageHinkley',
    'DDM',
  ])
  return {
    detectors,
    direction,
    minimumEffect: requireNumber(error, 'minimumEffect', minimumEffect, { least: 0 }),
    minimumScore: requireNumber(error, 'minimumScore', minimumScore, { least: 0 }),
    leastDeviation: requireNumber(error, 'leastDeviation', leastDeviation, { least: 0 }),
  }
}

function readState(state: unknown): StreamMonitorState {
  const error = 'DriftStateInvalid'
  const names = ['version', 'count', 'skipped', 'since', 'isOpen', 'blocks', 'detectors']
  const saved = requireRecord(error, 'a StreamMonitor state', state, names)
  if (saved.version !== 1) throw new DriftError(error, 'version must be 1')
  const natural = (name: string) =>
    requireNumber(error, name, saved[name], { least: 0, integer: true })
  return {
    version: 1,
    count: natural('count'),
    skipped: natural('skipped'),
    since: natural('since'),
    isOpen: requireBoolean(error, 'isOpen', saved.isOpen),
    blocks: saved.blocks as BlocksState,
    detectors: requireList(error, 'detectors', saved.detectors) as object[],
  }
}
